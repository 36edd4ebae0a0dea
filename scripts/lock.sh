#!/bin/sh
# Solve the locks anew: hashes of every file, no host names. What a lock already pins stays, as long
# as it fits; `UPGRADE=1 make lock` takes the newest of everything.
set -eu
uv=${UV:-${VENV:-.venv}/bin/uv}

solve() {
    output=$1
    shift
    "$uv" pip compile --quiet --universal --generate-hashes --no-header --no-annotate \
        ${UPGRADE:+--upgrade} --output-file "$output" "$@" pyproject.toml
}

# Everything, for the platforms of [tool.uv] in pyproject.toml.
solve requirements.lock --python-version 3.12 --all-extras --group dev
# The robot side, for every platform; alone, with its tests, and with its tests on the oldest
# releases that pyproject.toml allows.
solve requirements-robot.lock --no-config --python-version 3.10
solve requirements-robot-test.lock --no-config --python-version 3.10 --group robot-test
solve requirements-robot-floor.lock --no-config --python-version 3.10 --group robot-test \
    --resolution lowest-direct
# The generator of steer/v1. Its release is the floor of every robot.
echo 'grpcio-tools==1.66.2' | "$uv" pip compile --quiet --no-config --universal --generate-hashes \
    --no-header --no-annotate --python-version 3.12 ${UPGRADE:+--upgrade} \
    --output-file requirements-proto.lock -
