# Sourced. Starts and stops the processes of ./run, by their own ids. Each pid is kept in $home/run with its start time, so that
# what a killed ./run left behind is found again, and a re-used pid is never mistaken for ours.

# Of each name, by $SECONDS: when it was started, how often it ended soon after, and when it is started again.
declare -A born=() ends=() due=()
restart_pause=1 soon=60 most_ends=5

# started_at PID: $started becomes its start time (proc_pid_stat(5), field 22), or empty. Without a process of its own: it is asked of each
# every second.
started_at() {
    local stat=
    { IFS= read -rd '' stat < "/proc/$1/stat"; } 2> /dev/null || true
    started_in "$stat"
}

# started_in STAT: the same of a line of /proc/PID/stat; the name in it may hold anything
started_in() {
    local fields
    read -ra fields <<< "${1##*) }"
    started=${fields[19]:-}
}

# launch NAME COMMAND...: in the background, out of reach of the terminal's Ctrl-C, output to log/NAME.log
launch() {
    local name=$1; shift
    # Without the lock (9): a process that outlives a killed ./run must not hold it.
    setsid "$@" >> "$home/log/$name.log" 2>&1 < /dev/null 9>&- &
    local pid=$! started
    started_at $pid
    # Whole or not at all: others read it at any time.
    echo "$pid $started" > "$home/run/$name.pid.new"
    mv -f "$home/run/$name.pid.new" "$home/run/$name.pid"
    born[$name]=$SECONDS
}

alive() { # NAME
    local pid start started
    [ -e "$home/run/$1.pid" ] && read -r pid start < "$home/run/$1.pid" && [ -n "$start" ] && started_at "$pid" && [ "$started" = "$start" ]
}

# ended: names of processes that were launched, not stopped, and are no more
ended() {
    local file name
    for file in "$home"/run/*.pid; do
        [ -e "$file" ] || continue
        name=${file##*/} name=${name%.pid}
        # Nothing depends on the trace UI (watch_ui).
        [ "$name" = ui ] || alive "$name" || echo "$name"
    done
}

# report_end NAME: how it ended, where it was a child of this shell, and the end of its log
report_end() {
    local pid _ status=0
    read -r pid _ < "$home/run/$1.pid"
    wait "$pid" 2>/dev/null || status=$?
    case $status in
        127) echo "$1 ended" ;;
        12[89] | 1[3-9]? | 2??) echo "$1 ended by signal $((status - 128)) ($(kill -l $((status - 128)) 2>/dev/null || true))" ;;
        *) echo "$1 ended with exit code $status" ;;
    esac
    echo "the end of $home/log/$1.log:"
    tail -n 15 "$home/log/$1.log"
}

# watch_processes: says at once what ended, and starts it again (start NAME) after a pause that doubles. Fails where one ended $most_ends times
# in a row, each time within $soon seconds of its start.
watch_processes() {
    local name
    for name in $(ended); do
        if [ -z "${due[$name]:-}" ]; then
            [ $((SECONDS - ${born[$name]:-0})) -lt $soon ] || ends[$name]=0
            ends[$name]=$((${ends[$name]:-0} + 1))
            report_end "$name" >&2
            if [ "${ends[$name]}" -ge $most_ends ]; then
                echo "error: $name ended $most_ends times, each time within $soon s of its start; its log says why: $home/log/$name.log" >&2
                return 1
            fi
            due[$name]=$((SECONDS + (restart_pause << (ends[$name] - 1))))
            echo "$name is started again in $((due[$name] - SECONDS)) s" >&2
        elif [ $SECONDS -ge "${due[$name]}" ]; then
            unset "due[$name]"
            start "$name"
            echo "$name was started again" >&2
        fi
    done
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
    local file boot stat pid start started
    for file in "$home"/instances/*/process; do
        [ -e "$file" ] || continue
        { read -r boot; read -r stat; } < "$file" || true
        pid=${stat%% *}
        [ "$boot" = "$(cat /proc/sys/kernel/random/boot_id)" ] || continue
        started_in "$stat" && start=$started
        started_at "$pid"
        [ "$start" != "$started" ] || kill -TERM "$pid" 2>/dev/null || true
    done
}

# await WHAT SECONDS NAME COMMAND...: until COMMAND succeeds; fails at once when any process has ended
await() {
    local what=$1 limit=$2 name=$3 i dead; shift 3
    for ((i = 0; i < limit * 5; i++)); do
        "$@" > /dev/null 2>&1 && return 0
        dead=$(ended | head -n 1)
        if [ -n "$dead" ]; then
            report_end "$dead" >&2
            echo "error: $dead ended while this waited: $what" >&2
            return 1
        fi
        sleep 0.2
    done
    echo "error: $what: not within $limit s; see $home/log/$name.log" >&2
    return 1
}
