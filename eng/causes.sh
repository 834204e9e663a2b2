#!/usr/bin/env bash
# Renders docs/seeded-causes.md: every cause that a test made, how, and what `overture instance explain` said, from what the tests left in
# artifacts/causes (tests/TestSupport/CauseTable.cs). Rows of the page that were not made again stay as they are.
#
#   eng/causes.sh
set -euo pipefail
root=$(dirname "$(dirname "$(realpath "$0")")")
cd "$root"
page=docs/seeded-causes.md

# The page's own rows first, so that a later run of the same row replaces them.
rows() {
    # shellcheck disable=SC2016 # a Markdown quote
    [ ! -e "$page" ] || sed -n 's/^| `\(.*\) |$/`\1/p' "$page" | sed 's/ | /\t/g'
    cat artifacts/causes/*.tsv 2> /dev/null |
        awk -F'\t' -v OFS='\t' '{ gsub(/\|/, "\\|", $3); print "`" $2 "`", $1, $3, $4, $5, $6 }' || true
}

render() {
    cat << 'HEAD'
# Seeded causes

Each row is a cause that a test made, and that explain then named first, with its proof and a next step; within 5 s of when it could be known: explain looks when it is asked, the tests ask twice a second, and a row that ten such looks do not name fails. How long a look takes under load is not asserted. "real" is a real agent, puppetserver, CertAuthority or local instance (`CauseTableTests`, which `eng/full.sh e2e` runs and `./test` does not: some twelve minutes); the others are made by what the row says (`SeededCausesTests`). Seconds are from when the cause could be known (the agent's end, the console's line, a record; for a step that is late its deadline is part of them), on a machine that did other work beside it. `eng/causes.sh` writes this page from what the tests left in `artifacts/causes`; what each cause means: [causes](causes.md).

| cause | row | how it was made | made by | what explain says | s |
| --- | --- | --- | --- | --- | --- |
HEAD
    rows | awk -F'\t' 'NF == 6 { last[$1 FS $2] = $0 } END { for (k in last) { $0 = last[k]; print "| " $1 " | " $2 " | " $3 " | " $4 " | " $5 " | " $6 " |" } }' | LC_ALL=C sort
}

render > "$page.new"
mv "$page.new" "$page"
