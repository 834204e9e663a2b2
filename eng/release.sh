#!/usr/bin/env bash
# usage: eng/release.sh [VERSION] [--output DIR] [--arm64] [--verify] [--help]
#
# Builds what is installed: overture-server, overture-cli and overture-puppet as .deb and .rpm, tarballs, an SBOM (CycloneDX) and SHA256SUMS.
#
#   VERSION        else that of Directory.Build.props
#   --output DIR   where they go (default: artifacts/release)
#   --arm64        also packages for arm64: services published for it, and a command line cross-linked by Debian's gcc-aarch64-linux-gnu;
#                  nothing of them is run here
#   --verify       builds all of it twice, in other folders, and compares the bytes
#   SOURCE_DATE_EPOCH   the time of all files (default: that of the last commit)
#
# Needs x86-64 and the .NET 10 SDK; installs rpm, clang and zlib1g-dev from Debian where they are missing. Sources are those of the last commit: neither builds of this checkout nor what is not committed gets in.
set -euo pipefail
root=$(dirname "$(dirname "$(realpath "$0")")")
. "$root/eng/sdk.sh"
. "$root/eng/packages.sh"
. "$root/eng/release-packages.sh"

output=$root/artifacts/release version= verify= arm64=
while [ $# -gt 0 ]; do
    case $1 in
        --output) output=$(realpath -m "${2:?--output needs a directory}"); shift ;;
        --verify) verify=yes ;;
        --arm64) arm64=yes ;;
        -h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"; exit 0 ;;
        -*) echo "error: unknown argument $1; try eng/release.sh --help" >&2; exit 2 ;;
        *) version=$1 ;;
    esac
    shift
done
version=${version:-$(sed -n 's|.*<Version>\(.*\)</Version>.*|\1|p' "$root/Directory.Build.props")}
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || { echo "error: $version is no version such as 0.2.0" >&2; exit 2; }
[ "$(uname -m)" = x86_64 ] || { echo "error: builds packages for amd64, on x86-64" >&2; exit 1; }
find_sdk
install_packages "RPM packages, and a linker for the native command line" rpm clang zlib1g-dev
[ -z "$arm64" ] || install_packages "a linker for arm64" gcc-aarch64-linux-gnu libc6-dev-arm64-cross lld
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct)} LC_ALL=C TZ=UTC
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
begin=$SECONDS commit=$(git -C "$root" rev-parse HEAD) # a second build is of the same, whatever is committed meanwhile
[ -z "$(git -C "$root" status --porcelain)" ] || echo "note: what is not committed is not in it" >&2
say() { printf '[%3d s] %s\n' $((SECONDS - begin)) "$*"; }

child=
# quietly WHAT COMMAND...: its output only where it fails. Beside, and waited for: on the left of || set -e would not hold within. In a
# process group of its own, which ends with this script.
quietly() {
    local what=$1 log; shift
    log=$(mktemp)
    say "$what"
    set -m
    "$@" > "$log" 2>&1 < /dev/null &
    child=$!
    set +m
    wait $child || { grep -E 'error' "$log" | sort -u | head -n 20 >&2 || true; tail -n 20 "$log" >&2; rm -f "$log"; child=; return 1; }
    child=
    rm -f "$log"
}
clean_up() {
    trap '' INT TERM HUP
    [ -z "$child" ] || { kill -TERM -- "-$child" 2> /dev/null || true; wait "$child" 2> /dev/null || true; }
    rm -rf "$work"
}

# compile WORK: programs of $arch below WORK/server and WORK/cli, out of the tracked files
compile() {
    local work=$1 project common cli rid=linux-x64
    mkdir -p "$work/src"
    git -C "$root" archive "$commit" | tar -C "$work/src" -x
    # Neither symbols nor this folder's name in what is shipped.
    common=(-c Release -v quiet --nologo "-p:Version=$version" -p:DebugType=none "-p:PathMap=$work/src/=/overture/" -p:RunAnalyzers=false
        -p:NuGetAudit=false)
    cli=(-p:NativeDebugSymbols=false)
    if [ "$arch" = arm64 ]; then
        rid=linux-arm64
        cli+=("-p:CliRuntime=$rid" -p:LinkerFlavor=lld -p:ObjCopyName=aarch64-linux-gnu-objcopy)
    fi
    cd "$work/src"
    for project in services/CertAuthority services/Classifier services/Conductor console; do
        quietly "publishing $project for $arch" "$DOTNET" publish "$project" -r $rid --self-contained "${common[@]}" -o "$work/server"
    done
    quietly "publishing the native command line for $arch" "$DOTNET" publish cli "${common[@]}" "${cli[@]}" -o "$work/cli"
    cd "$root"
}

# Of every NuGet package in the programs, with the hashes that the lock files pin, and of the runtime that they bring.
sbom() { # WORK
    local file=$1/out/overture-$version.cdx.json name
    [ -x "$root/artifacts/sbom/dotnet-CycloneDX" ] ||
        quietly "installing CycloneDX" "$DOTNET" tool install CycloneDX --version 6.3.1 --tool-path "$root/artifacts/sbom"
    # Not in a shell below, whose child nobody would stop.
    cd "$1/src"
    quietly "listing what is in it" env DOTNET_ROOT="$(dirname "$(realpath "$DOTNET")")" \
        "$root/artifacts/sbom/dotnet-CycloneDX" eng/shipped.slnf -o "$1/sbom" -fn overture.json -F Json \
        --no-serial-number --set-name overture --set-version "$version" --disable-package-restore
    cd "$root"
    # The tool does not list the packs of the runtime. The command line has it linked in.
    {
        grep -ho '"runtimepack\.[^"]*/[0-9.]*"' "$1"/server/*.deps.json | tr -d '"' | sed 's/^runtimepack\.//; s|/| |'
        echo "runtime.linux-x64.Microsoft.DotNet.ILCompiler $(sed -n 's|.*<AotToolsVersion[^>]*>\(.*\)</AotToolsVersion>.*|\1|p' "$1/src/cli/Overture.Cli.csproj")"
    } | sort -u | while read -r name pack; do
        printf '    {"type": "framework", "bom-ref": "%s", "name": "%s", "version": "%s", "purl": "%s", "licenses": [{"license": {"id": "MIT"}}]},\n' \
            "pkg:nuget/$name@$pack" "$name" "$pack" "pkg:nuget/$name@$pack"
    done > "$1/sbom/runtime"
    # The time of the list is that of the release.
    sed -e "s|\"timestamp\": \"[^\"]*\"|\"timestamp\": \"$(date -u -d "@$SOURCE_DATE_EPOCH" +%FT%TZ)\"|" \
        -e "/^  \"components\": \[\r\{0,1\}\$/r $1/sbom/runtime" "$1/sbom/overture.json" > "$file"
    grep -hB1 '"type": "package"' "$1"/server/*.deps.json | sed -n 's|^ *"\([^"/]*\)/\([^"]*\)": {.*|\1@\2|p' | cat - <(sed -n 's|.*"bom-ref": "pkg:nuget/\([^"]*\)".*|\1|p' "$1/sbom/runtime") |
        sort -u > "$1/sbom/in-it"
    [ "$(wc -l < "$1/sbom/in-it")" -gt 20 ] || { echo "error: the programs say of no package that it is in them" >&2; return 1; }
    while read -r name; do
        grep -qF "\"purl\": \"pkg:nuget/$name\"" "$file" || { echo "error: $name is in the programs, and not in the SBOM" >&2; return 1; }
    done < "$1/sbom/in-it"
}

release() { # WORK
    local name
    arch=amd64
    compile "$1"
    lay_out "$1"
    for name in overture-server overture-cli overture-puppet; do
        quietly "packing $name" pack "$1" $name
    done
    sbom "$1"
    if [ -n "$arm64" ]; then
        arch=arm64
        compile "$1/arm64"
        cp -a "$1/cli" "$1/arm64/cli-here"
        ln -s "$1/server" "$1/arm64/server-here"
        lay_out "$1/arm64"
        for name in overture-server overture-cli; do
            quietly "packing $name for arm64" pack "$1/arm64" $name
        done
        cp "$1/arm64/out"/* "$1/out/"
    fi
    (cd "$1/out" && sha256sum -- * > SHA256SUMS.new && mv SHA256SUMS.new SHA256SUMS)
}

work=$(mktemp -d)
trap clean_up EXIT
trap 'exit 130' INT TERM HUP
release "$work/first"
if [ -n "$verify" ]; then
    release "$work/the-second-of-two"
    diff "$work/first/out/SHA256SUMS" "$work/the-second-of-two/out/SHA256SUMS" ||
        { echo "error: two builds of the same sources differ" >&2; exit 1; }
    say "a second build has the same bytes"
fi
mkdir -p "$output"
cp "$work/first/out"/* "$output/"
(cd "$output" && ls -l -- * | awk '{ print $5, $9 }')
say "all of version $version is in $output"
