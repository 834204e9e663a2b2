# Sourced by eng/bench.sh: the benchmarks of the Conductor against the tests' EC2 double.

# start_cloud LATENCY_MS: the double, and the Conductor's configuration for it
start_cloud() {
    launch ec2 "$DOTNET" "$root/benchmarks/Load/bin/Release/net10.0/Overture.Load.dll" ec2 "$home" "$PORT_REPORTS" "$1"
    await "the EC2 double answers" 60 ec2 curl -s -o /dev/null "http://127.0.0.1:$PORT_REPORTS/"
    # Redis' default user: the Conductor's own may only use the keys of the deployment without a name.
    sed -i "/^local:/,/^  hide/d; /^reports:/d; /^deployment:/d; /^ec2:/d; s|user: conductor, passwordFile: \"[^\"]*\"|passwordFile: \"$home/redis/password\"|" "$home/etc/conductor.yaml"
    cat >> "$home/etc/conductor.yaml" <<EOF
deployment: bench
reports: { listen: "" }
ec2: { endpoint: "http://127.0.0.1:$PORT_REPORTS", region: eu-west-1, account: bench, launchesPerSecond: 1000 }
EOF
    export AWS_ACCESS_KEY_ID=bench AWS_SECRET_ACCESS_KEY=bench
}

redis_cli() { REDISCLI_AUTH=$(cat "$home/redis/password") redis-cli -p "$PORT_REDIS" "$@"; }
redis_memory() { redis_cli info memory | tr -d '\r' | sed -n 's/^used_memory://p'; }
memory_mb() { awk '/^VmRSS/ { printf "%.0f", $2 / 1024 }' "/proc/$(pid_of conductor)/status"; }
index_whole() { [ "$(redis_cli zcard overture:bench:instances)" -ge "$BENCH_INSTANCES" ]; }
snapshot_there() { [ -n "$(find "$home/objects/bench/snapshots" -name whole 2> /dev/null)" ]; }

launch_1k() {
    local result
    start_cloud 20
    start_service conductor Conductor
    result=$(load launch "$home" "$PORT_CONDUCTOR" "$(pid_of conductor)" 1000 4)
    stop conductor; stop ec2
    # 5 at a time, 20 ms each: what the API alone takes.
    verdict launch "$(awk -v t="$(of seconds "$result")" 'BEGIN { printf "%.2f", (t - 1000 * 0.020 / 5) / t }')" 0.15 at-most
    echo "  $result; the API's own part: $(calc "1000 * 0.020 / 5") s (5 at a time, 20 ms each)"
}

seed_100k() {
    if [ ! -e "$home/names" ]; then
        echo "writing the records of $BENCH_INSTANCES instances ..." >&2
        load registry "$home" "$BENCH_INSTANCES" > /dev/null
    fi
    start_cloud 20
}

registry_100k() {
    local began before compared p99
    seed_100k
    before=$(redis_memory)
    began=$EPOCHREALTIME
    start_service conductor Conductor
    await "the index is whole" 180 conductor index_whole
    echo "first start, no snapshot: $(calc "$EPOCHREALTIME - $began") s until every record was read and the index written; the Conductor's memory: $(memory_mb) MB"
    await "a snapshot is taken" 120 conductor snapshot_there
    load pages "$home" "$PORT_CONDUCTOR" 300 > "$home/pages"
    p99=$(sed -n 's/^all: .*p99_ms=\([0-9.]*\).*/\1/p' "$home/pages")
    verdict registry-100k "$p99" 20 at-most
    echo "  milliseconds a page of 50, p99; all kinds of list:"
    sed 's/^/    /' "$home/pages"
    echo "  Redis: $(calc "($(redis_memory) - $before) / $BENCH_INSTANCES") bytes each (bar 2048), without the timeline of a live one"
    began=$EPOCHREALTIME
    overture gc --dry-run > "$home/gc" 2>&1 || { cat "$home/gc" >&2; return 1; }
    compared=$(calc "$EPOCHREALTIME - $began")
    echo "  one comparison of records and instances: $compared s (bar 10: $(judged "$compared" 10 at-most)); it says: $(tail -n 1 "$home/gc")"
    echo "  snapshot: $(du -sm "$home/objects/bench/snapshots" | cut -f1) MB; the Conductor's memory: $(memory_mb) MB"
    stop conductor; stop ec2
}

rebuild_100k() {
    local result began
    seed_100k
    start_service conductor Conductor
    await "the index is whole" 180 conductor index_whole
    began=$EPOCHREALTIME
    redis_cli flushall > /dev/null
    load pages "$home" "$PORT_CONDUCTOR" 100 > "$home/pages" &
    await "the index is whole" 180 conductor index_whole
    echo "Redis emptied, the Conductor up: index whole after $(calc "$EPOCHREALTIME - $began") s; lists meanwhile:"
    wait $!
    sed 's/^/  /' "$home/pages"
    await "a snapshot is taken" 120 conductor snapshot_there
    rebuilt "snapshot + newer keys"
    rm -rf "$home/objects/bench/snapshots"
    result=$(rebuilt "no snapshot")
    echo "$result"
    verdict rebuild-100k "$(of all_s "$result")" 60 at-most
    stop conductor; stop ec2
}

# rebuilt WHAT: kill -9 and start on an empty Redis, until lists are answered and the index is whole
rebuilt() {
    local checker
    kill -9 "$(pid_of conductor)"
    stop conductor 0
    redis_cli flushall > /dev/null
    rm -f "$home/indexed"
    launch conductor "$DOTNET" "$root/services/Conductor/bin/Release/net10.0/Overture.Conductor.dll" --config "$home/etc/conductor.yaml"
    (until index_whole; do sleep 0.2; done; touch "$home/indexed") &
    checker=$!
    echo "Redis emptied, the Conductor killed and started, $1: $(load rebuilt "$home" "$PORT_CONDUCTOR" | paste -sd' ')"
    kill $checker 2> /dev/null || true
}
