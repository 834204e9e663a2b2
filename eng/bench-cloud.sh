# Sourced by eng/bench.sh: the benchmarks of the Conductor against the tests' EC2 double.

# start_cloud LATENCY_MS: the double, and the Conductor's configuration for it
start_cloud() {
    launch ec2 "$DOTNET" "$root/benchmarks/Load/bin/Release/net10.0/Overture.Load.dll" ec2 "$home" "$PORT_REPORTS" "$1"
    await "the EC2 double answers" 60 ec2 curl -s -o /dev/null "http://127.0.0.1:$PORT_REPORTS/"
    # Redis' default user: the Conductor's own may only use the keys of the deployment without a name.
    sed -i "/^local:/,/^  hide/d; /^reports:/d; /^firstBoot:/d; /^deployment:/d; /^ec2:/d; s|user: conductor, passwordFile: \"[^\"]*\"|passwordFile: \"$home/redis/password\"|" "$home/etc/conductor.yaml"
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
# Redis has the index of the Conductor before; this one may still read the records.
fleet_read() { overture instance list --summary > /dev/null 2>&1; }
snapshot_there() { [ -n "$(find "$home/objects/bench/snapshots" -name whole 2> /dev/null)" ]; }

launch_1k() {
    start_cloud 20
    start_service conductor Conductor
    load launch "$home" "$PORT_CONDUCTOR" "$(pid_of conductor)" 1000 4 | figure ours
    stop conductor; stop ec2
}

seed_100k() {
    if [ ! -e "$home/names" ]; then
        echo "writing the records of $BENCH_INSTANCES instances ..." >&2
        load registry "$home" "$BENCH_INSTANCES" > /dev/null
    fi
    start_cloud 20
}

registry_100k() {
    seed_100k
    echo "$BENCH_INSTANCES" | figure instances
    redis_memory | figure redis-before
    now start-begin
    start_service conductor Conductor
    await "the index is whole" 180 conductor index_whole
    now start-end
    memory_mb | figure memory-start
    await "a snapshot is taken" 120 conductor snapshot_there
    load pages "$home" "$PORT_CONDUCTOR" 300 | figure all
    redis_memory | figure redis-after
    now compared-begin
    overture gc --dry-run > "$home/gc" 2>&1 || { cat "$home/gc" >&2; return 1; }
    now compared-end
    tail -n 1 "$home/gc" | figure compared
    du -sm "$home/objects/bench/snapshots" | cut -f1 | figure snapshot
    memory_mb | figure memory-end
    stop conductor; stop ec2
}

console_100k() {
    seed_100k
    echo "$BENCH_INSTANCES" | figure instances
    start_service conductor Conductor
    await "the index is whole" 600 conductor index_whole
    await "a snapshot is taken" 300 conductor snapshot_there
    await "the fleet is read" 300 conductor fleet_read
    launch console "$DOTNET" "$root/console/bin/Release/net10.0/Overture.Console.dll" --config "$home/etc/console.yaml"
    await "the console answers" 60 console curl -sf -o /dev/null --cacert "$home/pki/ca.pem" "https://localhost:$PORT_CONSOLE/session"
    overture ui --print 2> /dev/null | load console "$home" "$PORT_CONDUCTOR" "$(pid_of conductor)" "$(pid_of console)" "${BENCH_PAGES:-500}" | figure pages
    stop console; stop conductor; stop ec2
}

rebuild_100k() {
    seed_100k
    start_service conductor Conductor
    await "the index is whole" 180 conductor index_whole
    redis_cli flushall > /dev/null
    echo "Redis emptied, the Conductor up; lists until the index is whole:"
    load pages "$home" "$PORT_CONDUCTOR" 100 | sed 's/^/  /' &
    await "the index is whole" 180 conductor index_whole
    wait $!
    await "a snapshot is taken" 120 conductor snapshot_there
    rebuilt "snapshot + newer keys" snapshot
    rm -rf "$home/objects/bench/snapshots"
    rebuilt "no snapshot" no-snapshot
    stop conductor; stop ec2
}

# rebuilt WHAT FIGURE: kill -9 and start on an empty Redis, until lists are answered and the index is whole
rebuilt() {
    local checker
    kill -9 "$(pid_of conductor)"
    stop conductor 0
    redis_cli flushall > /dev/null
    rm -f "$home/indexed"
    launch conductor "$DOTNET" "$root/services/Conductor/bin/Release/net10.0/Overture.Conductor.dll" --config "$home/etc/conductor.yaml"
    (until index_whole; do sleep 0.2; done; touch "$home/indexed") &
    checker=$!
    load rebuilt "$home" "$PORT_CONDUCTOR" | figure "$2"
    echo "Redis emptied, the Conductor killed and started, $1: $(paste -sd' ' "$figures/$2")"
    kill $checker 2> /dev/null || true
}
