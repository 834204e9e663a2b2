#!/usr/bin/env bash
# Ends what register.py registered, when Terraform destroys the machine:  terminate.sh CERTNAME
# Revocation may have to wait for a service (REVOCATION_PENDING): the Conductor then goes on by itself, and the machine may go.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
answer=$("$here/../curl/call.sh" POST "/v1/instances/$1:terminate" <<< '{"reason": "destroyed by Terraform"}') && exit 0
[[ $answer == *REVOCATION_PENDING* ]] || { echo "overture: $answer" >&2; exit 1; }
