# shellcheck shell=sh
# Makes and renews the virtual environments of this checkout. Sourced by the scripts beside it; `root` is the checkout.
#
# Each holds two stamps, written last: hashes of what its dependencies, and our own package in it, were made from. While
# they fit there is nothing to do. All that is said goes to stderr, and stdin is left to the program.

# shellcheck disable=SC2154
. "$root/scripts/_machine.sh"

# need_venv NAME LOCK...: makes the environment NAME from hash-locked requirements, unless it is there and fits.
need_venv() (
    enter "$1" .stamp-dependencies
    shift
    fits "$(hash_dependencies "$@")" && exit
    leave_or_lock
    fits "$(hash_dependencies "$@")" && exit # another script made it while this one waited
    python=$(need_python)
    say "Setting up $venv (once, about 20 s) ..."
    rm -f "$stamp"
    "$python" -m venv --clear "$venv" || fail "Could not make $venv with $python: see above."
    cat "$@" >"$venv/requirements.txt"
    pip_install --require-hashes --only-binary :all: -r "$venv/requirements.txt" ||
        fail "Could not install the dependencies: see above. When a package index can be reached, try again."
    hash_dependencies "$@" >"$stamp"
)

# need_package NAME: installs our own package, and nothing else, into the environment NAME, unless it is there and fits.
need_package() (
    enter "$1" .stamp-package
    fits "$(hash_package)" && exit
    leave_or_lock
    hash=$(hash_package)
    fits "$hash" && exit
    say "Installing the sources into $venv ..."
    # From a copy: setuptools builds beside the sources, and what an older build left there would be installed again.
    rm -rf "$stamp" "$venv/source"
    mkdir "$venv/source"
    cp -R LICENSE pyproject.toml protocol sidecar "$venv/source"
    pip_install --no-index --no-build-isolation --no-deps --force-reinstall "$venv/source" ||
        fail "Could not install the sources: see above."
    rm -rf "$venv/source"
    printf '%s\n' "$hash" >"$stamp"
)

# The environment of tests and checks. They work on the checkout itself: our package is not installed there.
need_dev_venv() {
    need_venv .venv-dev requirements/build.txt requirements/dev.txt
}

enter() {
    cd "$root" || exit
    exec </dev/null >&2
    venv=$1
    stamp=$1/$2
}

fits() {
    [ -r "$stamp" ] && [ "$(cat "$stamp")" = "$1" ]
}

# The Python that made an environment may have been replaced since, and an environment cannot be moved: both count.
hash_dependencies() {
    python=${PYTHON:-$venv/bin/python}
    { "$python" -I -S -c 'import sys; print(sys.version)' && pwd -P && cat "$@"; } 2>/dev/null | sha256sum
}

hash_package() {
    {
        cat "$venv/.stamp-dependencies"
        find LICENSE pyproject.toml protocol sidecar -type f ! -name '*.pyc' -print0 |
            LC_ALL=C sort -z | xargs -0 sha256sum
    } | sha256sum
}

# Where we may not write, an environment that is there is used as it is. Else waits until no other script is at work.
leave_or_lock() {
    if ! [ -w . ] || { [ -e "$venv" ] && ! [ -w "$venv" ]; }; then
        [ -x "$venv/bin/python" ] ||
            fail "$root/$venv is missing, and $(id -un) may not make it: run this once as the owner of $root."
        say "$root/$venv is out of date, and $(id -un) may not renew it: going on with it as it is."
        exit 0
    fi
    exec 9<. # the checkout is the lock: no file is left behind, and the kernel releases it when our last process ends
    flock -n 9 || {
        say "Waiting for another set-up in $root ..."
        flock 9
    }
}

pip_install() {
    "$venv/bin/python" -I -m pip --disable-pip-version-check --no-input install -qq "$@"
}
