#!/usr/bin/env bash
# The long loops (races, kill points, storms) at their published length, which ./test runs a short slice of, and what it has no time for (category full).
# usage: eng/full.sh [integration | e2e]
set -euo pipefail
OVERTURE_FULL=1 exec "$(dirname "$(realpath "$0")")/test.sh" "${1:-integration}"
