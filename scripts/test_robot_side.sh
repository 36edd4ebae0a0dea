#!/bin/sh
# Test the robot side as a robot gets it: the built wheel, no extras, the sources out of reach, on
# Python 3.10, with the oldest and with the newest releases that pyproject.toml allows.
set -eu
root=$(pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
main=$(cd "${VENV:-.venv}/bin" && pwd)
uv=$main/uv
# What a robot runs of tests/: these need no more than the core dependencies.
tests="conftest.py test_clock.py test_embodiment.py test_errors.py test_limits.py test_types.py test_windows.py
    decision_log wire client loop test_wire_compat.py steer_v1.golden"

find_python() {
    for candidate in ${PYTHON310:-} python3.10 \
        "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.10*/bin/python3.10; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 10))' >/dev/null 2>&1
        then echo "$candidate" && return; fi
    done
    "$uv" python find --no-python-downloads 3.10 2>/dev/null && return
    cat >&2 <<'TEXT'
**********************************************************************
robot side: NOT TESTED on Python 3.10, for none was found; testing on
3.12 instead. To get it: pyenv install 3.10, or uv python install 3.10
**********************************************************************
TEXT
    echo "$main/python"
}

run_tests() {
    venv=$work/$1
    "$uv" venv -q --python "$python" "$venv"
    "$uv" pip install -q --python "$venv/bin/python" --require-hashes -r "$2"
    "$uv" pip install -q --python "$venv/bin/python" --no-deps "$work"/dist/*.whl
    echo "robot side: $("$venv/bin/python" --version), $1 releases"
    # addopts: the project's name plugins that a robot does not have.
    (cd "$work" && "$venv/bin/python" -m pytest -q -o addopts="-rxXs --import-mode=importlib --strict-markers" tests)
    "$venv/bin/steer" --help >/dev/null
    if ! "$venv/bin/steer" serve --critic none 2>&1 |
        grep -q "^steer: error: .*vla-steer\[server\]"; then
        echo "steer serve: expected one line that says to install vla-steer[server]" >&2
        exit 1
    fi
}

python=$(find_python)
"$main/python" -m hatchling build -t wheel -d "$work/dist" >/dev/null 2>&1
cp -R pyproject.toml examples "$work"
mkdir "$work/tests"
for name in $tests; do
    for path in tests/$name; do [ ! -e "$path" ] || cp -R "$path" "$work/tests/"; done
done
run_tests oldest requirements-robot-floor.lock
run_tests newest requirements-robot-test.lock
