#!/usr/bin/env bash
# usage: eng/site.sh [--serve PORT | --install] [--help]
#
# Builds the documentation as a static site out of docs/, into artifacts/site: any web server can show it, and it asks none but that one.
# Fails on a link to a page, heading or file that is not there, and on anything that would be fetched from elsewhere (eng/site/check.mjs).
#
#   --serve PORT   shows it on loopback afterwards, until Ctrl-C
#   --install      only installs VitePress, for a build without a network
#
# Needs node and npm; VitePress comes from npm, in the versions of eng/site/package-lock.json, into artifacts/site-build.
set -euo pipefail
root=$(dirname "$(dirname "$(realpath "$0")")")
port=
install=
while [ $# -gt 0 ]; do
    case $1 in
        --serve) port=${2:?--serve needs a port}; shift ;;
        --install) install=yes ;;
        -h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"; exit 0 ;;
        *) echo "error: unknown argument $1; try eng/site.sh --help" >&2; exit 2 ;;
    esac
    shift
done
command -v npm > /dev/null || { echo "error: needs node and npm (apt-get install nodejs npm)" >&2; exit 1; }

build=$root/artifacts/site-build
mkdir -p "$build"
exec 9> "$build/lock"
flock 9 # two at once would write into one folder
if ! cmp -s "$root/eng/site/package-lock.json" "$build/installed"; then
    rm -f "$build/installed"
    cp "$root/eng/site/package.json" "$root/eng/site/package-lock.json" "$build/"
    (cd "$build" && npm ci --silent --no-fund --no-audit --ignore-scripts > npm.log 2>&1) ||
        { echo "error: npm could not install VitePress; see $build/npm.log" >&2; exit 1; }
    cp "$root/eng/site/package-lock.json" "$build/installed"
fi

[ -z "$install" ] || exit 0
rm -rf "$build/pages"
node "$root/eng/site/pages.mjs" "$root" "$build/pages"
export SITE_PLACES=$root/eng/site/places.mjs
mkdir -p "$build/pages/.vitepress/theme"
cp "$root/eng/site/config.mjs" "$build/pages/.vitepress/config.mjs"
cp "$root/eng/site/theme.mjs" "$build/pages/.vitepress/theme/index.mjs"
cp "$root/eng/site/theme.css" "$build/pages/.vitepress/theme/"
log=$build/vitepress.log
(cd "$build" && node node_modules/vitepress/bin/vitepress.js build pages --outDir "$build/out") > "$log" 2>&1 ||
    { grep -aE 'dead link|rror' "$log" | head -n 40 >&2 || true; tail -n 5 "$log" >&2; exit 1; }
node "$root/eng/site/check.mjs" "$build/out"
rm -rf "$root/artifacts/site"
mv "$build/out" "$root/artifacts/site"
echo "the site is in artifacts/site"
[ -z "$port" ] || exec python3 -m http.server --bind 127.0.0.1 --directory "$root/artifacts/site" "$port" 9>&-
