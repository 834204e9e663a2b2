# Sourced. The trace UI of ./run: the Aspire dashboard, which takes OTLP and keeps traces and metrics in memory.

# choose_ui: sets ui=yes where one is wanted (no --no-ui, no --once, nowhere else for the traces to go) and fits; else says why not
choose_ui() {
    local free
    ui= dashboard=
    [ -z "$no_ui$once" ] && [ -z "${OTEL_EXPORTER_OTLP_ENDPOINT:-}" ] || return 0
    [ "$(uname -m)" = x86_64 ] || { say "no trace UI: it is for x86-64"; return 0; }
    free=$(awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo)
    [ "$free" -ge 1500 ] || { say "no trace UI: $free MB are free, and it wants 1500 beside the rest"; return 0; }
    if listening "$PORT_UI" || listening "$PORT_OTLP"; then say "no trace UI: port $PORT_UI or $PORT_OTLP is taken"; return 0; fi
    ui=yes
}

# watch_ui: says once that it ended; everything else goes on
watch_ui() {
    [ -n "$ui" ] && ! alive ui || return 0
    ui=
    report_end ui >&2
    echo "there is no trace UI any more; everything else goes on" >&2
}

# fetch_ui: the program, a NuGet package; without it everything else works
fetch_ui() {
    local project=$root/eng/dashboard/dashboard.csproj version
    version=$(sed -n 's/.*Aspire\.Dashboard.*Version="\[\(.*\)\]".*/\1/p' "$project")
    "$DOTNET" restore "$project" --nologo -v quiet > "$home/log/dashboard-restore.log" 2>&1 9>&- ||
        { ui=; say "no trace UI: it could not be fetched (see $home/log/dashboard-restore.log)"; return 0; }
    dashboard=$("$DOTNET" nuget locals global-packages --list 2> /dev/null 9>&- | sed -n 's,^global-packages: *,,p')/aspire.dashboard.sdk.linux-x64/$version/tools/Aspire.Dashboard
    [ -x "$dashboard" ] || chmod +x "$dashboard" 2> /dev/null || { ui=; say "no trace UI: there is no $dashboard"; }
}

# configure_ui: its secrets, kept over restarts so that a login link stays good, and where the services send their spans
configure_ui() {
    local name
    for name in login otlp; do
        [ -s "$home/etc/ui-$name.key" ] || (umask 077 && od -An -N16 -tx1 /dev/urandom | tr -d ' \n' > "$home/etc/ui-$name.key")
    done
    export OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:$PORT_OTLP OTEL_EXPORTER_OTLP_HEADERS=x-otlp-api-key=$(cat "$home/etc/ui-otlp.key")
}

# Where ICU is not installed it gets its cultures from the runtime alone; what it keeps is below $home.
launch_ui() {
    mkdir -p "$home/ui"
    ASPNETCORE_URLS=http://127.0.0.1:$PORT_UI ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL=http://127.0.0.1:$PORT_OTLP \
        Dashboard__Frontend__AuthMode=BrowserToken Dashboard__Frontend__BrowserToken=$(cat "$home/etc/ui-login.key") \
        Dashboard__Otlp__AuthMode=ApiKey Dashboard__Otlp__PrimaryApiKey=$(cat "$home/etc/ui-otlp.key") \
        launch ui env HOME="$home/ui" DOTNET_SYSTEM_GLOBALIZATION_PREDEFINED_CULTURES_ONLY=0 Logging__LogLevel__Default=Warning "Logging__LogLevel__Aspire.Dashboard=Warning" "$dashboard" # its own lines hold the login link
}

# ui_link PATH: opens that page after a login
ui_link() { echo "http://localhost:$PORT_UI/login?t=$(cat "$home/etc/ui-login.key")&returnUrl=$1"; }
