#!/usr/bin/env bash
# usage: eng/test-times.sh [COUNT]
#
# The slowest tests of the last ./test (30 of them, or COUNT), in seconds, and what each project took, from artifacts/test-logs.
set -euo pipefail
logs=$(dirname "$(dirname "$(realpath "$0")")")/artifacts/test-logs
[ -n "$(find "$logs" -name '*.trx' 2> /dev/null)" ] || { echo "error: no results in $logs; run ./test first" >&2; exit 1; }
python3 - "$logs" "${1:-30}" <<'PYTHON'
import glob, os, re, sys
import xml.etree.ElementTree as xml

def seconds(text):
    hours, minutes, rest = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)

tests = []
for path in sorted(glob.glob(f"{sys.argv[1]}/*.trx")):
    own = [(seconds(r.get("duration", "0:0:0")), r.get("testName")) for r in xml.parse(path).iter() if r.tag.endswith("UnitTestResult")]
    tests += own
    print(f"{sum(t for t, _ in own):8.1f} s in {len(own)} tests: {os.path.basename(path)[:-4]}")
print()
for took, name in sorted(tests, reverse=True)[: int(sys.argv[2])]:
    print(f"{took:8.1f} s  {re.sub('^Overture.', '', name)}")
PYTHON
