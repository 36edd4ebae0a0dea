#!/bin/sh
# Make the virtual environment from nothing but Python 3.12. Quick where nothing has changed.
#   VENV=DIR     where (default .venv)
#   PYTHON=FILE  which Python 3.12 (default: the first that runs)
set -eu
venv=${VENV:-.venv}
export PIP_DISABLE_PIP_VERSION_CHECK=1
lock=requirements.lock

is_wanted() {
    "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 12))' >/dev/null 2>&1
}

find_python() {
    # A name on the PATH may be a version manager's stand-in that does not run: each is tried.
    for candidate in ${PYTHON:-} python3.12 python3 python \
        "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.12*/bin/python3.12; do
        if is_wanted "$candidate"; then echo "$candidate" && return; fi
    done
    if command -v uv >/dev/null; then uv python find 3.12 2>/dev/null && return; fi
    return 1
}

explain_python() {
    cat >&2 <<'TEXT'
setup: Python 3.12 is needed, and none was found. Any one of these gets it:
  Debian 13, Ubuntu 24.04    sudo apt-get install python3.12 python3.12-venv
  other Linux                pyenv install 3.12      (or: uv python install 3.12)
  macOS                      brew install python@3.12
then run `make setup` again, or name it: `make setup PYTHON=/path/to/python3.12`.
TEXT
    exit 1
}

make_venv() {
    is_wanted "$venv/bin/python" && return
    python=$(find_python) || explain_python
    echo "setup: making $venv with $python"
    "$python" -m venv --clear "$venv" || {
        echo "setup: 'python -m venv' failed; Debian and Ubuntu: sudo apt-get install python3.12-venv" >&2
        exit 1
    }
}

# uv installs the same lock many times faster than pip; pip is what every machine has.
find_uv() {
    if command -v uv; then return; fi
    awk '/^uv==/ {on = 1} on {print} on && !/\\$/ {exit}' "$lock" >"$venv/uv.lock"
    "$venv/bin/python" -m pip install -q --require-hashes -r "$venv/uv.lock" >&2
    echo "$venv/bin/uv"
}

install_with_uv() {
    uv=$(find_uv) &&
        "$uv" pip install -q --python "$venv/bin/python" --require-hashes -r "$lock" &&
        "$uv" pip install -q --python "$venv/bin/python" --no-deps --no-build-isolation -e .
}

install_with_pip() {
    echo "setup: uv did not succeed; trying pip, which takes longer" >&2
    "$venv/bin/python" -m pip install -q --require-hashes -r "$lock" &&
        "$venv/bin/python" -m pip install -q --no-deps --no-build-isolation -e .
}

make_venv
wanted=$(cat "$lock" pyproject.toml scripts/setup.sh steer/__init__.py | cksum)
if [ "$(cat "$venv/.steer-setup" 2>/dev/null || true)" != "$wanted" ]; then
    echo "setup: installing the packages of $lock (several GB the first time)"
    install_with_uv || install_with_pip
    echo "$wanted" >"$venv/.steer-setup"
fi
"$venv/bin/python" scripts/check_system.py
echo "setup: done; next: make demo, make test"
