#!/usr/bin/env bash
# Registers an instance that something else starts, keeps its user data in a file, and prints its certname and state:
#   bootstrap.sh REQUEST-ID USER-DATA-FILE < spec.json
# The same REQUEST-ID finds the same instance. Environment: see call.sh.
set -euo pipefail
umask 077
here=$(dirname "$(realpath "$0")")
[ $# = 2 ] || { echo "usage: bootstrap.sh REQUEST-ID USER-DATA-FILE < spec.json" >&2; exit 64; }

# 1. Register.
answer=$(python3 -c 'import json, sys; json.dump({"requestId": sys.argv[1], "spec": json.load(sys.stdin)}, sys.stdout)' "$1" |
    "$here/call.sh" POST /v1/instances:register) || { echo "$answer" >&2; exit 1; }

# 2. The user data, with its one-time token: for the new machine alone.
certname=$(python3 -c '
import json, os, sys
answer = json.load(sys.stdin)
with open(sys.argv[1], "w") as file:
    os.fchmod(file.fileno(), 0o600)  # it may have been there
    file.write(answer["userData"])
print(answer["instance"]["certname"])' "$2" <<< "$answer")

# 3. Its state, as often as you like.
"$here/call.sh" GET "/v1/instances/$certname" | python3 -c '
import json, sys
instance = json.load(sys.stdin)["instance"]
print(instance["certname"], instance["state"])'
