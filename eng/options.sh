#!/usr/bin/env bash
# Writes docs/options.md from what the services and the console say of themselves (--print-options --format markdown). A test of each holds
# the page to that. Needs `eng/build.sh services`.
set -euo pipefail
root=$(dirname "$(dirname "$(realpath "$0")")")
. "$root/eng/sdk.sh"
find_sdk
cd "$root"
{
    cat <<'PAGE'
# Options

Every option of the services and the console, as each prints it itself (`--print-options --format markdown`); `eng/options.sh` writes this page. `--print-options --format yaml` prints an option file of all of them, which `overture setup` writes to `/etc/overture`. How files and variables go together, and what belongs together: [operations](operations.md#options).

Durations are `500ms`, `90s`, `15m`, `12h` or `180d`; a list of strings is `[a, b]`. No default in the table: empty, or what the text says.
PAGE
    for program in conductor/services/Conductor certauthority/services/CertAuthority classifier/services/Classifier console/console; do
        name=${program%%/*} folder=${program#*/}
        printf '\n## %s\n\n' "$name"
        "$DOTNET" "$folder/bin/Release/net10.0/Overture.$(basename "${folder^}").dll" --print-options --format markdown
    done
} > docs/options.md.new
mv docs/options.md.new docs/options.md
