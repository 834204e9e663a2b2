#!/usr/bin/env bash
# A real puppetserver as the package makes it, with its own CA, in a directory of its own: what Overture is compared with, and
# what it approves for. Changes nothing outside HOME. Run by root; sourced, or as a command:
#
#   start_stock_puppetserver HOME PORT [AUTOSIGN]   stock-puppetserver.sh start …   returns when its CA answers (about 50 s)
#   stop_stock_puppetserver HOME                    stock-puppetserver.sh stop HOME
#   run_stock_puppetserver HOME PORT [AUTOSIGN]     stock-puppetserver.sh run …     the same, says "running", and stops it when
#                                                   standard input ends: so it ends with its parent, killed or not
#
# HOME must not exist or be one that this script made (then its CA stays), and lie where user puppet can go; no spaces.
# It listens on 127.0.0.1:PORT under the names localhost and puppet. AUTOSIGN is Puppet's setting: false (default), true, or
# the path of a policy executable, which sees the caller's OVERTURE_* variables.
# STOCK_HEAP (1g) and STOCK_JAVA_ARGS (none) are the JVM's. Afterwards there are
#   HOME/ssl/certs/ca.pem                           the CA bundle
#   HOME/ssl/{certs,private_keys}/admin.pem         a client with pp_cli_auth, root on the CA API
#   HOME/conf/puppet.conf                           for puppetserver ca … --config
#   HOME/ca                                         requests/ signed/ ca_crl.pem inventory.txt
#   HOME/log                                        puppetserver.log, puppetserver-access.log

_stock_fail() { echo "stock-puppetserver.sh: $*" >&2; return 1; }

_stock_started_at() { awk '{ sub(/.*\) /, ""); print $20 }' "/proc/$1/stat" 2>/dev/null || true; }

_stock_alive() { # HOME
    local pid start
    [ -e "$1/pid" ] && read -r pid start < "$1/pid" && [ -n "$start" ] && [ "$(_stock_started_at "$pid")" = "$start" ]
}

_stock_prepare() { # HOME PORT AUTOSIGN
    local home=$1 port=$2 autosign=$3 packaged=/etc/puppet/puppetserver
    [ "$(id -u)" = 0 ] || _stock_fail "needs root: it starts a puppetserver as user puppet" || return
    [ -e /usr/share/puppetserver/puppetserver.jar ] || _stock_fail "needs the package puppetserver" || return
    case $home in /*[[:space:]]* | [!/]* | '') _stock_fail "'$home' must be an absolute path without spaces"; return ;; esac
    install -d -o puppet -g puppet -m 0755 "$home" || return
    setpriv --reuid=puppet --regid=puppet --clear-groups test -x "$home/." || _stock_fail "user puppet can't reach $home" || return
    install -d -o puppet -g puppet -m 0755 "$home"/{conf,conf/puppetserver,code,code/environments,code/environments/production,var,run,log,tmp,bin} || return
    cp -R $packaged/conf.d $packaged/services.d "$home/conf/puppetserver/" || return
    cat > "$home/conf/puppet.conf" <<CONF
[main]
codedir = $home/code
vardir = $home/var
publicdir = $home/var/public
rundir = $home/run
logdir = $home/log
ssldir = $home/ssl
certname = localhost
dns_alt_names = localhost,puppet
server = localhost
ca_server = localhost
serverport = $port
ca_port = $port

[server]
cadir = $home/ca
autosign = $autosign
CONF
    cat > "$home/conf/puppetserver/conf.d/webserver.conf" <<CONF
webserver: {
    access-log-config: "$home/conf/puppetserver/request-logging.xml"
    client-auth: want
    ssl-host: "127.0.0.1"
    ssl-port: $port
}
CONF
    echo "global: { logging-config: \"$home/conf/puppetserver/logback.xml\" }" > "$home/conf/puppetserver/conf.d/global.conf"
    sed -i -e "s|/var/lib/puppetserver|$home/var|; s|/etc/puppet/code|$home/code|; s|/run/puppetserver|$home/run|; s|/var/log/puppetserver|$home/log|" \
        -e "s|server-conf-dir: /etc/puppet\$|server-conf-dir: $home/conf|" "$home/conf/puppetserver/conf.d/puppetserver.conf" || return
    sed "s|/var/log/puppetserver|$home/log|" $packaged/request-logging.xml > "$home/conf/puppetserver/request-logging.xml"
    cat > "$home/conf/puppetserver/logback.xml" <<XML
<configuration>
    <appender name="FILE" class="ch.qos.logback.core.FileAppender">
        <file>$home/log/puppetserver.log</file>
        <encoder><pattern>%d{yyyy-MM-dd'T'HH:mm:ss.SSSXXX} %-5p [%t] [%c{2}] %m%n</pattern></encoder>
    </appender>
    <root level="info"><appender-ref ref="FILE"/></root>
</configuration>
XML
    # Where a CA-less puppetserver was set up on this host, its ca.cfg says so.
    cat > "$home/conf/puppetserver/services.d/ca.cfg" <<CFG
puppetlabs.services.ca.certificate-authority-service/certificate-authority-service
puppetlabs.trapperkeeper.services.watcher.filesystem-watch-service/filesystem-watch-service
CFG
    # A CA as its own tool makes it (root and intermediate, RSA 4096), unless one was put into HOME/ca; and an administrator, which no
    # running CA can make.
    if [ ! -e "$home/ca/ca_key.pem" ]; then
        puppetserver ca setup --config "$home/conf/puppet.conf" > "$home/log/setup.log" 2>&1 ||
            { cat "$home/log/setup.log" >&2; _stock_fail "no CA was made"; return; }
    fi
    if [ ! -e "$home/ssl/certs/admin.pem" ]; then
        # What setup does, for a CA that came whole: its tool looks whether a server answers, and trusts these.
        [ -e "$home/ssl/certs/ca.pem" ] || {
            install -d -m 0750 "$home/ssl" "$home/ssl/certs" "$home/ssl/private_keys" "$home/ssl/public_keys" &&
                cp "$home/ca/ca_crt.pem" "$home/ssl/certs/ca.pem" && cp "$home/ca/ca_crl.pem" "$home/ssl/crl.pem" || return
        }
        puppetserver ca generate --ca-client --certname admin --config "$home/conf/puppet.conf" >> "$home/log/setup.log" 2>&1 ||
            { cat "$home/log/setup.log" >&2; _stock_fail "no administrator was made"; return; }
    fi
    chown -R puppet:puppet "$home/conf" "$home/ssl" "$home/ca" || return
    printf 0 > "$home/run/restart" && chown puppet:puppet "$home/run/restart"
}

# Becomes the JVM. With an environment of its own, since autosign's policy inherits it.
_stock_exec() { # HOME
    local home=$1 name heap=${STOCK_HEAP:-1g}
    local environment=("HOME=$home/var" LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin)
    for name in "${!OVERTURE_@}"; do environment+=("$name=${!name}"); done
    umask 027
    cd "$home" || return
    # shellcheck disable=SC2086 # several flags
    exec setpriv --reuid=puppet --regid=puppet --init-groups --no-new-privs --inh-caps=-all \
        env --ignore-environment "${environment[@]}" \
        /usr/bin/java "-Xms$heap" "-Xmx$heap" -Djruby.logger.class=com.puppetlabs.jruby_utils.jruby.Slf4jLogger \
        -Djruby.lib=/usr/share/jruby/lib "-Djava.io.tmpdir=$home/tmp" -XX:-UsePerfData -XX:+CrashOnOutOfMemoryError \
        "-XX:ErrorFile=$home/log/java-error-%p.log" ${STOCK_JAVA_ARGS:-} \
        -jar /usr/share/puppetserver/puppetserver.jar --config "$home/conf/puppetserver/conf.d" \
        --bootstrap-config "$home/conf/puppetserver/services.d" --restart-file "$home/run/restart"
}

_stock_answers() { [ "$(curl --silent --insecure --noproxy '*' --max-time 2 "https://127.0.0.1:$1/status/v1/simple/ca")" = running ]; }

start_stock_puppetserver() { # HOME PORT [AUTOSIGN]
    local home=$1 port=$2 pid i
    ! _stock_alive "$home" || _stock_fail "one runs in $home already" || return
    _stock_prepare "$home" "$port" "${3:-false}" || return
    (_stock_exec "$home") > "$home/log/jvm.log" 2>&1 < /dev/null &
    pid=$!
    echo "$pid $(_stock_started_at $pid)" > "$home/pid.new" && mv -f "$home/pid.new" "$home/pid"
    for ((i = 0; i < 600; i++)); do
        ! _stock_answers "$port" || return 0
        _stock_alive "$home" || break
        sleep 0.5
    done
    tail -n 15 "$home/log/jvm.log" "$home/log/puppetserver.log" >&2
    stop_stock_puppetserver "$home"
    _stock_fail "puppetserver did not start in $home"
}

# SIGTERM, then SIGKILL after 20 s. What it wrote stays.
stop_stock_puppetserver() { # HOME
    local home=$1 pid _ i
    if _stock_alive "$home"; then
        read -r pid _ < "$home/pid"
        kill -TERM "$pid" 2>/dev/null || true
        for ((i = 0; i < 200; i++)); do
            _stock_alive "$home" || break
            sleep 0.1
        done
        ! _stock_alive "$home" || kill -KILL "$pid" 2>/dev/null || true
    fi
    rm -f "$home/pid"
}

run_stock_puppetserver() { # HOME PORT [AUTOSIGN]
    start_stock_puppetserver "$@" || return
    echo running
    cat > /dev/null
    stop_stock_puppetserver "$1"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    set -euo pipefail
    verb=${1:-}
    case $verb:$# in
        start:[34] | run:[34] | stop:2) shift; "${verb}_stock_puppetserver" "$@" ;;
        *) sed -n '2,/^$/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
    esac
fi
