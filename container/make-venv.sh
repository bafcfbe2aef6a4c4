#!/bin/sh
# make-venv.sh SOURCE TARGET [PYTHON]: installs the program from the checkout SOURCE into the new virtual environment TARGET,
# with exactly what requirements/ locks, by its hashes. It needs Debian's python3-venv; TARGET needs only PYTHON (python3) to
# run, and holds neither pip nor setuptools.
set -eu
source=$1
target=$2
python=${3:-python3}

tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
"$python" -m venv "$tools/venv"
pip() {
    "$tools/venv/bin/python" -I -m pip --disable-pip-version-check --no-input --no-cache-dir --quiet "$@"
}
pip install --require-hashes --only-binary :all: --requirement "$source/requirements/build.txt"

"$python" -m venv --without-pip "$target"
pip --python "$target/bin/python" install --require-hashes --only-binary :all: \
    --requirement "$source/requirements/run.txt"

# From a copy: setuptools builds beside the sources, which may not be ours to write to.
mkdir "$tools/source"
cp -R "$source/LICENSE" "$source/pyproject.toml" "$source/protocol" "$source/sidecar" "$tools/source"
pip wheel --no-index --no-build-isolation --no-deps --wheel-dir "$tools" "$tools/source"
pip --python "$target/bin/python" install --no-index --no-deps "$tools"/*.whl
