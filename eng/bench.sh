#!/usr/bin/env bash
# usage: eng/bench.sh NAME...
#
#   enrol-rsa   CertAuthority with a RSA-4096 CA: enrolments a second, the load client on the same cores, against
#               `openssl speed -multi $(nproc) rsa4096` of the same run (bar: at least 0.65 of it)
#   enc-hook    overture-enc as a whole process over mTLS, against a Python script doing one plain HTTP GET (bar: at most 0.4 of it)
#
# Each prints `bench NAME ratio=R bar=B ok|short` and the raw figures below it. Compare ratios, never absolute figures.
set -euo pipefail
root=$(dirname "$(dirname "$(realpath "$0")")")
. "$root/eng/sdk.sh"
find_sdk
[ $# -gt 0 ] || { sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"; exit 2; }

. "$root/eng/packages.sh"
install_packages "what the benchmarks run" redis-server clang zlib1g-dev curl openssl python3
export NO_PROXY="localhost,127.0.0.1${NO_PROXY:+,$NO_PROXY}" no_proxy="localhost,127.0.0.1${no_proxy:+,$no_proxy}"
unset OVERTURE_CLI_CONFIG
export OVERTURE_PORT_OFFSET=${OVERTURE_PORT_OFFSET:-15000}
. "$root/eng/ports.sh"
. "$root/eng/processes.sh"
. "$root/eng/configure.sh"
home=$(mktemp -d)
export OVERTURE_HOME=$home
stop_all() {
    for name in http classifier certauthority redis; do stop $name 10; done
    rm -rf "$home"
}
trap stop_all EXIT
trap 'exit 130' INT TERM

cd "$root"
"$root/eng/build.sh" services
"$root/eng/build.sh" cli
"$DOTNET" build benchmarks/Load -c Release -v quiet --nologo > "$home/build.log" 2>&1 || { cat "$home/build.log" >&2; exit 1; }
load() { "$DOTNET" "$root/benchmarks/Load/bin/Release/net10.0/Overture.Load.dll" "$@"; }
overture() { "$root/artifacts/cli/overture" "$@"; }

check_ports
configure
overture pki init --home "$home" > /dev/null
overture ca init --home "$home" > /dev/null
launch redis redis-server "$home/etc/redis.conf"

start_service() { # name, project
    launch "$1" "$DOTNET" "$root/services/$2/bin/Release/net10.0/Overture.$2.dll" --config "$home/etc/$1.yaml"
    await "$1 is healthy" 60 "$1" overture health --service "$1"
}

# verdict NAME RATIO BAR at-least|at-most
verdict() {
    local word
    word=$(awk -v r="$2" -v b="$3" -v how="$4" 'BEGIN { print ((how == "at-least" ? r >= b : r <= b) ? "ok" : "short") }')
    echo "bench $1 ratio=$2 bar=$3 $word"
    echo "  commit $(git rev-parse --short HEAD 2>/dev/null || echo none), $(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), load $(cut -d' ' -f1 /proc/loadavg)"
}

enrol_rsa() {
    start_service certauthority CertAuthority
    local ours limit
    ours=$(load enrol "$home" "$PORT_CA_API" 16 20 20)
    stop certauthority
    limit=$(openssl speed -seconds 8 -multi "$(nproc)" rsa4096 2> /dev/null | awk '/^rsa 4096/ { print $6 }')
    verdict enrol-rsa "$(sed 's/.*rate=\([0-9.]*\).*/\1/' <<< "$ours" | awk -v l="$limit" '{ printf "%.2f", $1 / l }')" 0.65 at-least
    echo "  ours: $ours (16 connections, 20 s warm, 20 s measured)"
    echo "  openssl speed -multi $(nproc) rsa4096: sign/s=$limit"
}

# median_ms COUNT COMMAND...: whole process, fork to exit
median_ms() {
    python3 - "$@" << 'EOF'
import subprocess, sys, time
count, command = int(sys.argv[1]), sys.argv[2:]
times = []
for i in range(count + 3):
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    times.append((time.perf_counter() - begin) * 1000)
times = sorted(times[3:])
print(f"{times[len(times) // 2]:.1f} {times[int(len(times) * 0.99)]:.1f}")
EOF
}

enc_hook() {
    start_service classifier Classifier
    local certname python=/usr/bin/python3 ours theirs
    certname=$(load seed "$home" 100)
    ln -sf "$root/artifacts/cli/overture" "$home/overture-enc"
    printf 'import sys, urllib.request\nsys.stdout.write(urllib.request.urlopen(sys.argv[1]).read().decode())\n' > "$home/enc.py"
    mkdir -p "$home/www" && cp "$home/objects/nodes/$certname" "$home/www/"
    launch http "$python" -m http.server --bind 127.0.0.1 --directory "$home/www" $((PORT_REPORTS))
    await "the HTTP server answers" 10 http curl -sf "http://127.0.0.1:$PORT_REPORTS/$certname"
    export OVERTURE_HOOKS_CONFIG=$home/cli.yaml
    ours=$(median_ms 60 "$home/overture-enc" "$certname")
    theirs=$(median_ms 60 "$python" "$home/enc.py" "http://127.0.0.1:$PORT_REPORTS/$certname")
    stop http; stop classifier
    verdict enc-hook "$(awk -v a="${ours% *}" -v b="${theirs% *}" 'BEGIN { printf "%.2f", a / b }')" 0.40 at-most
    echo "  overture-enc over mTLS: p50_ms=${ours% *} p99_ms=${ours#* }"
    echo "  Python, one plain HTTP GET: p50_ms=${theirs% *} p99_ms=${theirs#* }"
}

for name in "$@"; do
    case $name in
        enrol-rsa) enrol_rsa ;;
        enc-hook) enc_hook ;;
        *) echo "error: no benchmark $name" >&2; exit 2 ;;
    esac
done
