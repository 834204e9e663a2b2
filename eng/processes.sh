# Sourced. Starts and stops the processes of ./run, by their own ids. Each pid is kept in $home/run with its start time, so that
# what a killed ./run left behind is found again, and a re-used pid is never mistaken for ours.

started_at() { awk '{ sub(/.*\) /, ""); print $20 }' "/proc/$1/stat" 2>/dev/null || true; }

# launch NAME COMMAND...: in the background, out of reach of the terminal's Ctrl-C, output to log/NAME.log
launch() {
    local name=$1; shift
    # Without the lock (9): a process that outlives a killed ./run must not hold it.
    setsid "$@" >> "$home/log/$name.log" 2>&1 < /dev/null 9>&- &
    local pid=$!
    echo "$pid $(started_at $pid)" > "$home/run/$name.pid"
}

alive() { # NAME
    local pid start
    [ -e "$home/run/$1.pid" ] && read -r pid start < "$home/run/$1.pid" && [ -n "$start" ] && [ "$(started_at "$pid")" = "$start" ]
}

# stop NAME [SECONDS]: SIGTERM, then SIGKILL after the limit
stop() {
    local name=$1 limit=${2:-20} pid _ i
    if alive "$name"; then
        read -r pid _ < "$home/run/$name.pid"
        kill -TERM "$pid" 2>/dev/null || true
        for ((i = 0; i < limit * 10; i++)); do
            alive "$name" || break
            sleep 0.1
        done
        alive "$name" && kill -KILL "$pid" 2>/dev/null || true
    fi
    rm -f "$home/run/$name.pid"
}

# stop_instances: local instances outlive the Conductor, so that it may be restarted. Each wrote down its boot id and its line of /proc/PID/stat.
stop_instances() {
    local file boot stat pid
    for file in "$home"/instances/*/process; do
        [ -e "$file" ] || continue
        { read -r boot; read -r stat; } < "$file" || true
        pid=${stat%% *}
        [ "$boot" = "$(cat /proc/sys/kernel/random/boot_id)" ] || continue
        [ "$(awk '{ sub(/.*\) /, ""); print $20 }' <<< "$stat")" != "$(started_at "$pid")" ] || kill -TERM "$pid" 2>/dev/null || true
    done
}

# await WHAT SECONDS NAME COMMAND...: until COMMAND succeeds; fails at once when the process NAME has ended
await() {
    local what=$1 limit=$2 name=$3 i; shift 3
    for ((i = 0; i < limit * 5; i++)); do
        "$@" > /dev/null 2>&1 && return 0
        if ! alive "$name"; then
            echo "error: $name ended before it was ready; the end of $home/log/$name.log:" >&2
            tail -n 15 "$home/log/$name.log" >&2
            return 1
        fi
        sleep 0.2
    done
    echo "error: $what: not within $limit s; see $home/log/$name.log" >&2
    return 1
}
