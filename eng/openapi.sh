#!/usr/bin/env bash
# Writes docs/openapi/*.json, the OpenAPI documents of the routes that the protos name, into DIRECTORY (docs/openapi). A test compares.
#   eng/openapi.sh [DIRECTORY]
set -euo pipefail
root=$(dirname "$(dirname "$(realpath "$0")")")
. "$root/eng/sdk.sh"
find_sdk
cd "$root"
"$DOTNET" build eng/openapi -c Release -v quiet --nologo > /dev/null
"$DOTNET" eng/openapi/bin/Release/net10.0/Overture.OpenApi.dll "${1:-docs/openapi}"
