#!/usr/bin/env bash
# One real puppetserver that lives in a directory of its own and changes nothing outside it. Run by root.
#
#   puppetserver.sh apply HOME [PARAMETER=VALUE ...]   configure it: puppet apply of class overture::puppetserver
#   puppetserver.sh bootstrap HOME CA_BUNDLE [SECRET]  get its certificate from CertAuthority, by Puppet's own agent;
#                                                      SECRET is a file that holds the challenge password
#   puppetserver.sh start HOME                         become the JVM, as user puppet (SIGTERM stops it)
#   puppetserver.sh crl-loop HOME                      become the script that keeps the CRL fresh
#   puppetserver.sh exec HOME COMMAND [ARGUMENT ...]   become a command, as user puppet, that sees HOME as the server does
#
# HOME may lie where user puppet cannot go, and have spaces in its path, which Puppet cannot have: every verb runs in a
# mount namespace of its own, in which HOME is /mnt. The caller puts the ENC hook at HOME/bin/overture-enc, with a shebang
# or static, and what the hook needs under HOME/hooks.
set -euo pipefail

here=/mnt
self=$(realpath "${BASH_SOURCE[0]}")

fail() { echo "puppetserver.sh: $*" >&2; exit 1; }

# With an environment of its own, since the hooks inherit it: of the caller's, only OVERTURE_* gets through.
as_puppet() {
    local environment=("HOME=$here/var" LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin) name
    for name in "${!OVERTURE_@}"; do environment+=("$name=${!name}"); done
    exec setpriv --reuid=puppet --regid=puppet --init-groups --no-new-privs --inh-caps=-all \
        env --ignore-environment "${environment[@]}" "$@"
}

# puppet apply, with nothing of /etc/puppet, /var/lib/puppet or /var/cache/puppet.
inner_apply() {
    local work=$here/apply parameter
    {
        echo '---'
        for parameter in "$@"; do
            [[ $parameter =~ ^[a-z_]+=.+ ]] || fail "'$parameter' is not PARAMETER=VALUE"
            echo "overture::puppetserver::${parameter%%=*}: ${parameter#*=}"
        done
    } > $work/parameters.yaml
    # 2 means "changed something".
    puppet apply --confdir $work --vardir $work/var --publicdir $work/var/public --rundir $work/var/run \
        --logdir $work/var/log --ssldir $work/var/ssl \
        --hiera_config $work/hiera.yaml --modulepath $work/modules --detailed-exitcodes --color=false --log_level=notice \
        -e 'include overture::puppetserver' || { local rc=$?; [ $rc = 2 ] || exit $rc; }
}

inner() {
    local verb=$1 home=$2; shift 2
    # Private first, or the mount would be seen by the whole host.
    mount --make-rprivate /
    mount --bind "$home" $here
    cd $here
    case $verb in
        apply) inner_apply "$@" ;;
        start) as_puppet $here/bin/puppetserver-start ;;
        crl-loop) as_puppet $here/bin/crl-refresh ;;
        exec) as_puppet "$@" ;;
    esac
}

enter() { exec unshare --mount -- "$self" --inner "$@"; }

if [ "${1:-}" = --inner ]; then
    shift
    inner "$@"
    exit
fi

verb=${1:-} home=${2:-}
[ -n "$home" ] || { sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$self"; exit 2; }
shift 2
[ "$(id -u)" = 0 ] || fail "needs root: it starts a puppetserver as user puppet"
[ -e /usr/share/puppetserver/puppetserver.jar ] || fail "needs the package puppetserver"

case $verb in
    apply)
        # Puppet reads the modules as /mnt/apply, because the checkout itself may be out of its reach.
        install -d -g puppet -m 0750 "$home" "$home/apply" "$home/hooks"
        rm -rf "$home/apply/modules" "$home/apply/production"
        root=$(dirname "$(dirname "$self")")
        cp -RL "$root/deploy/puppet" "$home/apply/modules" # in a package the module is a link
        cp -R "$root/examples/puppet/modules" "$home/apply/production"
        cat > "$home/apply/hiera.yaml" <<EOF
version: 5
hierarchy:
  - { name: parameters, path: $here/apply/parameters.yaml }
EOF
        # Without the C2 compiler the JVM needs 20 s of processor time to start, with it 46.
        enter apply "$home" \
            confdir=$here/conf codedir=$here/code vardir=$here/var rundir=$here/run logdir=$here/log ssldir=$here/ssl \
            bindir=$here/bin installation=beside terminus=exec enc_command=$here/bin/overture-enc modules_source=$here/apply/production \
            manage_service=false keylength=2048 heap=768m 'java_args=[-XX:TieredStopAtLevel=1, -XX:+UseSerialGC]' "$@"
        ;;
    bootstrap)
        [ $# -ge 1 ] || fail "bootstrap: which CA bundle?"
        inside() { "$self" exec "$home" "$@"; }
        # Written as user puppet: root would follow a link that a broken-into server left there.
        inside sh -c 'umask 022; mkdir -p ssl/certs; cat > ssl/certs/ca.pem' < "$1"
        if [ $# -ge 2 ]; then
            trap 'inside rm -f conf/csr_attributes.yaml' EXIT
            printf 'custom_attributes:\n  1.2.840.113549.1.9.7: "%s"\n' "$(cat "$2")" |
                inside sh -c 'umask 077; cat > conf/csr_attributes.yaml'
        fi
        inside puppet ssl bootstrap --confdir $here/conf --color=false --waitforcert 2 --maxwaitforcert 60
        ;;
    start | crl-loop) enter "$verb" "$home" ;;
    exec) enter exec "$home" "$@" ;;
    *) fail "no verb '$verb'" ;;
esac
