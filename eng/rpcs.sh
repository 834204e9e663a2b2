#!/usr/bin/env bash
# usage: eng/rpcs.sh [--check]
#
# Writes docs/rpcs.md, the reference of the gRPC API, out of the comments in protos/. --check only compares, as ./test does.
# Needs python3, and buf in artifacts/npm (./test installs it).
set -euo pipefail
root=$(dirname "$(dirname "$(realpath "$0")")")
cd "$root"
new=$(mktemp)
trap 'rm -f "$new"' EXIT
artifacts/npm/node_modules/.bin/buf build protos --output -#format=json | python3 eng/rpcs.py > "$new"
if [ "${1:-}" = --check ]; then
    diff docs/rpcs.md "$new" || { echo "error: docs/rpcs.md is not what protos/ say; eng/rpcs.sh writes it" >&2; exit 1; }
else
    cp "$new" docs/rpcs.md
fi
