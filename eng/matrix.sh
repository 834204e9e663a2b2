#!/usr/bin/env bash
# Renders docs/matrix.md: which agents, servers, distributions and stores ran together, and when. A row comes from a test that has passed
# (artifacts/matrix/*.tsv, written by tests/TestSupport/Matrix.cs); rows of the page that did not run again keep their day. What nobody ran
# is listed as untried.
#
#   eng/matrix.sh           renders it
#   eng/matrix.sh --check   exit 1 where it is not as it would be rendered
set -euo pipefail
root=$(dirname "$(dirname "$(realpath "$0")")")
cd "$root"
page=docs/matrix.md

# The page's own rows first, so that a later run of the same combination replaces them.
rows() {
    [ ! -e "$page" ] || sed -n '/^| agent /,/^$/p' "$page" | sed -n 's/^| \(.*\) |$/\1/p' | grep -vE '^(agent|---)' | sed 's/ | /\t/g' || true
    cat artifacts/matrix/*.tsv 2> /dev/null || true
}

render() {
    cat << 'HEAD'
# What ran with what

Each row is real software that a test brought together, and that test passed on that day: from launch to a converged node, or what the row says. `./test` runs most of them, `eng/full.sh` all; `eng/matrix.sh` writes this page from what they left in `artifacts/matrix`.

| agent | server | distribution | store | what was seen | day | test |
| --- | --- | --- | --- | --- | --- | --- |
HEAD
    rows | awk -F'\t' 'NF == 7 { last[$1 FS $2 FS $3 FS $4 FS $5 FS $7] = $6 }
        END { for (k in last) { split(k, f, FS); print f[1] " | " f[2] " | " f[3] " | " f[4] " | " f[5] " | " last[k] " | " f[6] } }' |
        sort | sed 's/.*/| & |/'
    cat << 'TAIL'

## What does not work

* An EC key (`puppet.agent.key_type: ec`) with Debian 12's puppet-agent 7.23: it fails with `pkeys are immutable on OpenSSL 3.0` and never asks for a certificate.

## Untried

These should work by what their documentation says, and no test has run them:

* agents from apt.voxpupuli.org, yum.voxpupuli.org, apt.puppet.com and yum.puppet.com themselves: the rows "all-in-one" above are a package of the same layout, made from Debian's Puppet by `eng/aio-agent.sh`, from repositories of the same shape;
* images of Ubuntu, Amazon Linux, Fedora, Red Hat and its kin as their makers publish them: "RHEL-like" above is Debian 13 with `dnf`, that says it is Rocky Linux 9;
* arm64;
* an instance with systemd running: a local instance has none;
* stores: MinIO, Garage, SeaweedFS, R2.
TAIL
}

case ${1:-} in
    '') render > "$page.new"; mv "$page.new" "$page" ;;
    --check) diff -u "$page" <(render) ;;
    *) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"; exit 2 ;;
esac
