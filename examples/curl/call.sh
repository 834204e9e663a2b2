#!/usr/bin/env bash
# One RPC as JSON over HTTPS:  call.sh METHOD PATH [< BODY]
# Of GET nothing is read; of any other method standard input is the body. The answer is on standard output, also that of an error, which
# ends with 22. Environment: OVERTURE_URL (https://conductor.example.com:7001), OVERTURE_CERTIFICATE, OVERTURE_KEY and OVERTURE_ROOTS
# (files of the internal PKI); OVERTURE_TIMEOUT, in seconds (60).
set -euo pipefail
[ $# = 2 ] || { echo "usage: call.sh METHOD PATH [< BODY]" >&2; exit 64; }
: "${OVERTURE_URL:?}" "${OVERTURE_CERTIFICATE:?}" "${OVERTURE_KEY:?}" "${OVERTURE_ROOTS:?}"
timeout=${OVERTURE_TIMEOUT:-60}
arguments=(--silent --show-error --fail-with-body --http2 --tlsv1.3 --noproxy '*'
    --max-time "$((timeout + 5))" --header "Grpc-Timeout: ${timeout}S"
    --cert "$OVERTURE_CERTIFICATE" --key "$OVERTURE_KEY" --cacert "$OVERTURE_ROOTS" --request "$1")
[ "$1" = GET ] || arguments+=(--header "Content-Type: application/json" --data-binary @-)
exec curl "${arguments[@]}" "$OVERTURE_URL$2"
