#!/usr/bin/env bash
# Builds what users run: the three services and the console (*/bin/Release) and the command line (artifacts/cli, Native AOT).
#   build.sh services   services, and the command line for the JIT   (stamp: artifacts/.services)
#   build.sh cli        the native command line                      (stamp: artifacts/.cli)
#   build.sh crash      the Conductor that kills itself where a test says (services/Conductor/bin/Crash; stamp: artifacts/.crash)
# Does nothing where no source is newer than the last build.
set -euo pipefail
root=$(dirname "$(dirname "$(realpath "$0")")")
. "$root/eng/sdk.sh"
find_sdk
cd "$root"
mkdir -p artifacts

fresh() { # stamp, folders...
    local stamp=$1; shift
    [ -e "$stamp" ] && [ -z "$(find "$@" Directory.* global.json .editorconfig -newer "$stamp" -type f -not -path '*/obj/*' -not -path '*/bin/*' -print -quit)" ]
}

build() { # what, stamp, command...
    local what=$1 stamp=$2 log; shift 2
    echo "building $what"
    log=$(mktemp)
    touch "$stamp.new"
    if ! "$@" > "$log" 2>&1; then
        grep -E 'error|warn' "$log" | sort -u | head -n 20 >&2 || tail -n 20 "$log" >&2
        echo "error: building $what failed; the whole log: $log" >&2
        exit 1
    fi
    rm -f "$log"
    mv "$stamp.new" "$stamp"
}

case ${1:-} in
    services)
        fresh artifacts/.services services protos cli console ||
            build "the services (a minute or so)" artifacts/.services "$DOTNET" build eng/shipped.slnf -c Release -v quiet --nologo
        ;;
    cli)
        fresh artifacts/.cli protos cli services/Platform services/Conductor/Specs ||
            build "the native command line (a minute or so)" artifacts/.cli "$DOTNET" publish cli -c Release -o artifacts/cli -v quiet --nologo
        ;;
    crash)
        fresh artifacts/.crash services/Conductor services/Platform protos ||
            build "the Conductor with crash points" artifacts/.crash "$DOTNET" build services/Conductor -c Crash -v quiet --nologo
        ;;
    *) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
