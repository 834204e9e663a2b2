#!/usr/bin/env bash
# usage: eng/backup.sh HOME FILE.tar
#
# Backs up a home (keys, state, records in a directory), with its services up or down. The archive holds the CA's key: keep it as safe as that.
# Restore: services stopped, Redis emptied, `tar -xpf FILE.tar -C HOME` into an empty HOME.
set -euo pipefail
[ $# = 2 ] && [ -d "$1/objects" ] || { sed -n '2s/^# //p' "$0" >&2; exit 2; }
home=$(realpath "$1") file=$(realpath -m "$2")
umask 077
stamp=$(mktemp) names=$(mktemp) new=$(mktemp "$file.XXXXXX")
trap 'rm -f "$stamp" "$names" "$new"' EXIT
trap 'exit 130' INT TERM HUP
cd "$home"
# 1. Keys and state. Before the records: a replica's state may know less than they, never more.
for folder in pki launch ca state; do
    [ ! -d "$folder" ] || echo "$folder"
done > "$names"
# 1: what changed or went meanwhile; reports come and go.
tar --create --file "$new" --files-from "$names" --warning=no-file-changed --warning=no-file-removed || [ $? = 1 ]
# 2. Records as of one moment. A record is written after those it speaks of, so what is not newer than that moment is whole in itself. What is
#    replaced in place is taken as it is.
touch "$stamp"
sleep 0.1 # file systems distinguish times some milliseconds apart
find objects -ignore_readdir_race -name .tmp -prune -o -path objects/probe -prune -o -type f '(' -path 'objects/*nodes/*' -o -path 'objects/*profiles/*' -o -path 'objects/*classification/*' \
    -o -path 'objects/*observations/*' -o -path 'objects/*fences/*' -o -path 'objects/*audit-keys/*' -o -path 'objects/*userdata/*' -o ! -newer "$stamp" ')' -print > "$names"
# 1: what was deleted meanwhile (an end, a snapshot that was replaced).
tar --append --file "$new" --files-from "$names" --ignore-failed-read --warning=no-failed-read || [ $? = 1 ]
mv -T "$new" "$file"
echo "$file: $(wc -l < "$names") records"
