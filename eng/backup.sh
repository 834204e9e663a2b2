#!/usr/bin/env bash
# usage: eng/backup.sh HOME FILE.tar
#
# Backs up a home (keys, state, records in a directory), with its services up or down. The archive holds the CA's key: keep it as safe as that.
# Restore: services stopped, Redis emptied, `tar -xpf FILE.tar -C HOME` into an empty HOME.
set -euo pipefail
[ $# = 2 ] && [ -d "$1/objects" ] || { sed -n '2s/^# //p' "$0" >&2; exit 2; }
home=$(realpath "$1") file=$(realpath -m "$2")
umask 077
stamp=$(mktemp) names=$(mktemp)
trap 'rm -f "$stamp" "$names"' EXIT
cd "$home"
# 1. Keys and state. Before the records: a replica's state may know less than they, never more.
for folder in pki launch ca state; do
    [ ! -d "$folder" ] || echo "$folder"
done > "$names"
tar --create --file "$file.new" --files-from "$names"
# 2. Records as of one moment. A record is written after those it speaks of, so what is not newer than that moment is whole in itself. What is
#    replaced in place is taken as it is.
touch "$stamp"
sleep 0.1 # file systems tell times of some milliseconds apart
find objects -name .tmp -prune -o -path objects/probe -prune -o -type f '(' -path 'objects/*nodes/*' -o -path 'objects/*profiles/*' -o -path 'objects/*classification/*' -o ! -newer "$stamp" ')' -print > "$names"
# 1: what was deleted meanwhile (an end, a snapshot that was replaced).
tar --append --file "$file.new" --files-from "$names" --ignore-failed-read --warning=no-failed-read || [ $? = 1 ]
mv "$file.new" "$file"
echo "$file: $(wc -l < "$names") records"
