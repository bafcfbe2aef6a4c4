# shellcheck shell=sh
# What the machine must have: finds it, installs it by apt-get as root, or says how to get it and ends with 69.
# Sourced by the scripts beside it.

say() {
    printf '%s\n' "$@" >&2
}

# Says each argument on a line of its own and ends: something outside this checkout is missing (69: EX_UNAVAILABLE).
fail() {
    say "$@"
    exit 69
}

# install_packages PACKAGE...: by Debian's apt-get, asking nothing.
install_packages() {
    command -v apt-get >/dev/null ||
        fail "Missing: $* (Debian's name). Install it with the package manager of this system, then try again."
    [ "$(id -u)" -eq 0 ] ||
        fail "Missing: $*. Install it, then try again:" "    sudo apt-get install $*"
    say "Installing $* with apt-get ..."
    # The second try is for a fresh image, which has no list of packages, and for an old list, whose files are gone.
    apt_get install "$@" 2>/dev/null || { apt_get update && apt_get install "$@"; } ||
        fail "apt-get failed: see above. Once it is put right, try again:" "    apt-get update && apt-get install $*"
}

# On a machine that has just started, automatic upgrades may hold the lock for a while.
apt_get() {
    DEBIAN_FRONTEND=noninteractive \
        apt-get -qq -y --no-install-recommends -o DPkg::Lock::Timeout=120 "$@" </dev/null >/dev/null
}

# need_commands NAME[:PACKAGE]...: PACKAGE is Debian's, where it is called otherwise than the command.
need_commands() {
    for name in "$@"; do
        command -v "${name%:*}" >/dev/null || install_packages "${name#*:}"
    done
}

# need_php_extensions NAME[:PACKAGE]...: of the php that is there; php-PACKAGE is Debian's, where it is called otherwise.
need_php_extensions() {
    for name in "$@"; do
        php -m | grep -qix "${name%:*}" && continue
        install_packages "php-${name#*:}"
        php -m | grep -qix "${name%:*}" || fail "php-${name#*:} is installed, but $(command -v php) does not load it."
    done
}

# find_python: prints the first Python that is new enough and can make a virtual environment. PYTHON names another one.
find_python() {
    if [ -n "${PYTHON-}" ]; then set -- "$PYTHON"; else set -- python3 python3.13 python3.12 python3.11; fi
    for python in "$@"; do
        # Debian packs ensurepip with python3-venv: a Python without it makes environments without pip.
        if "$python" -I -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            printf '%s\n' "$python"
            return
        fi
    done
    return 1
}

# need_python: as find_python, but installs one if need be.
need_python() {
    find_python && return
    [ -z "${PYTHON-}" ] || fail "PYTHON=$PYTHON is no Python 3.11 or later with venv and ensurepip."
    install_packages python3-venv
    find_python || fail "Python 3.11 or later is needed, and this system's is older: set PYTHON to a newer one."
}
