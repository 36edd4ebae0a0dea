#!/bin/sh
# Generate steer/v1 from proto/ with the pinned generator.
#   scripts/proto.sh [OUTPUT]    OUTPUT is the folder that gets steer/v1 (default: this one)
#   scripts/proto.sh --check     fail where the committed stubs are not what the generator writes
set -eu
main=${VENV:-.venv}/bin
venv=.venv-proto
lock=requirements-proto.lock
wanted=$(cksum <"$lock")

if [ "$(cat "$venv/.steer-setup" 2>/dev/null || true)" != "$wanted" ]; then
    "$main/python" -m venv --clear "$venv"
    "$main/uv" pip install -q --python "$venv/bin/python" --require-hashes -r "$lock"
    echo "$wanted" >"$venv/.steer-setup"
fi

generate() {
    "$venv/bin/python" -m grpc_tools.protoc -I proto \
        --python_out="$1" --pyi_out="$1" --grpc_python_out="$1" proto/steer/v1/*.proto
}

if [ "${1:-}" != --check ]; then
    generate "${1:-.}"
    exit
fi
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
generate "$fresh"
for file in "$fresh"/steer/v1/*; do
    diff -u "steer/v1/$(basename "$file")" "$file" || {
        echo "stubs: steer/v1 is not what proto/ generates; run: make proto" >&2
        exit 1
    }
done
