#!/usr/bin/env bash
# usage: eng/man.sh PROGRAMS DIR
#
# Writes the pages of the services and the console into DIR/man8, each overture-SERVICE(8), and DIR/man5 with overture-SERVICE.yaml(5),
# which is the same page: as the programs print them (--print-options --format man). PROGRAMS has Overture.Conductor and so on.
set -euo pipefail
root=$(dirname "$(dirname "$(realpath "$0")")")
[ $# = 2 ] || { sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2; }
programs=$(realpath "$1")
mkdir -p "$2/man5" "$2/man8"
for program in Conductor CertAuthority Classifier Console; do
    service=${program,,}
    what=$(sed -n 's/^Description=Overture: //p' "$root/deploy/systemd/overture-$service.service")
    "$programs/Overture.$program" --print-options --format man |
        sed "s|^\(overture.-$service, .*\) .- .*|\1 \\\\- ${what//&/\\&}|" > "$2/man8/overture-$service.8"
    printf '.so man8/overture-%s.8\n' "$service" > "$2/man5/overture-$service.yaml.5"
done
gzip -9 -n -f "$2"/man5/*.5 "$2"/man8/*.8
