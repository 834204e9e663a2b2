# Sourced, after eng/packages.sh, with $root set. A throw-away Debian with systemd as PID 1, for tests of the packages: systemd-nspawn over
# an overlay of a root file system, no network but its own loopback. Needs root.
#
#   prepare_packages [DIR]   copies the .deb packages of DIR (else of eng/release.sh, made now) to $work/packages, seen as /packages; also
#                            under a higher version. Sets $packages, $version, $newer, and $old and $new: what apt-get install takes
#   boot_root [NAME]         of eng/roots.sh; bookworm-systemd if none is named; returns at multi-user
#   inside COMMAND           in it, as root
#   expect WHAT COMMAND      must succeed
#   until_true WHAT SECONDS COMMAND
#   say, fail; $work is gone at the end, and so is the root

begin=$SECONDS
say() { printf '[%3d s] %s\n' $((SECONDS - begin)) "$*"; }
fail() {
    echo "error: $*" >&2
    [ -z "$leader" ] || inside 'systemctl --no-pager --failed; journalctl -b --no-pager -n 60 -u "overture-*" -o cat' >&2 || true
    exit 1
}

work=$(mktemp -d) nspawn= leader=
mkdir -p "$work"/{upper,work,merged,data,packages}
clean_up() {
    trap '' INT TERM HUP
    [ -z "$leader" ] || kill -KILL "$leader" 2> /dev/null || true
    [ -z "$nspawn" ] || { kill -KILL "$nspawn" 2> /dev/null || true; wait "$nspawn" 2> /dev/null || true; }
    ! mountpoint -q "$work/merged" || umount -l "$work/merged"
    rm -rf --one-file-system "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

# inside COMMAND: in the booted root, as root
inside() {
    nsenter -t "$leader" -m -u -i -n -p -r -w -- env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
        DEBIAN_FRONTEND=noninteractive bash -c "cd /; $1"
}
# expect WHAT COMMAND: in the root, must succeed
expect() { inside "$2" > "$work/said" 2>&1 || { cat "$work/said" >&2; fail "$1"; }; }
# until_true WHAT SECONDS COMMAND
until_true() {
    local end=$((SECONDS + $2))
    until inside "$3" > "$work/said" 2>&1; do
        [ $SECONDS -lt $end ] || { cat "$work/said" >&2; fail "$1: not within $2 s"; }
        sleep 0.3
    done
}

prepare_packages() { # [DIR]
    local name newest
    packages=${1:-}
    if [ -z "$packages" ]; then
        packages=$root/artifacts/release
        "$root/eng/release.sh" --output "$packages"
    fi
    # The folder may have other versions, and packages for other processors.
    newest=$(printf '%s\n' "$packages"/overture-server_*_amd64.deb | sort -V | tail -n 1)
    version=$(dpkg-deb -f "$newest" Version)
    newer=$version.1
    cp "$packages"/overture-{server,cli}_"$version"_amd64.deb "$packages/overture-puppet_${version}_all.deb" "$work/packages/"
    # The same files under a higher version: what is tried is the way, not a difference.
    for name in server cli puppet; do
        dpkg-deb -R "$work/packages/overture-${name}_$version"_*.deb "$work/newer"
        sed -i "s/^Version: .*/Version: $newer/; s/(>= $version)/(>= $newer)/" "$work/newer/DEBIAN/control"
        dpkg-deb -Zgzip -z1 --root-owner-group --build "$work/newer" "$work/packages/overture-${name}_$newer.deb" > /dev/null
        rm -rf "$work/newer"
    done
    old="/packages/overture-cli_${version}_amd64.deb /packages/overture-puppet_${version}_all.deb /packages/overture-server_${version}_amd64.deb"
    new="/packages/overture-cli_$newer.deb /packages/overture-puppet_$newer.deb /packages/overture-server_$newer.deb"
}

boot_root() {
    local name=${1:-bookworm-systemd} lower unit i
    # Two would share this shell's control groups, and each systemd would find processes of the other in its units.
    exec 9> /run/lock/overture-booted-root
    flock -n 9 || { say "another booted root runs on this host: waiting for it, up to 30 minutes"; flock -w 1800 9; } ||
        fail "another booted root still runs: /run/lock/overture-booted-root is locked (fuser says by whom)"
    say "booting $name with systemd as PID 1"
    lower=$("$root/eng/roots.sh" "$name" 9>&-)
    mount -t overlay overlay -o "lowerdir=$lower,upperdir=$work/upper,workdir=$work/work" "$work/merged"
    echo overture-test > "$work/merged/etc/hostname"
    printf '127.0.0.1 localhost\n127.0.1.1 server.test overture-test\n' > "$work/merged/etc/hosts"
    rm -f "$work/merged"/etc/cloud/cloud-init.disabled "$work/merged"/usr/sbin/policy-rc.d
    touch "$work/merged/etc/cloud/cloud-init.disabled"
    for unit in redis-server puppetserver puppet ssh; do rm -f "$work/merged"/etc/systemd/system/*.wants/$unit.service; done
    # Data on a disk of its own: an overlay can't be the upper layer of an instance's.
    systemd-nspawn --quiet --directory="$work/merged" --register=no --keep-unit --boot --private-network --machine=overture-test \
        --bind="$work/data:/var/lib/overture" --bind-ro="$work/packages:/packages" --bind-ro="$root:/source" --capability=all --system-call-filter='@mount @keyring bpf' \
        > "$work/console" 2>&1 < /dev/null 9>&- &
    nspawn=$!
    for ((i = 0; i < 300; i++)); do
        leader=$(cat "/proc/$nspawn/task/$nspawn/children" 2> /dev/null | tr -d ' ') || true
        [ -z "$leader" ] || ! inside 'systemctl list-units > /dev/null' 2> /dev/null || break
        [ -e "/proc/$nspawn" ] || { tail -n 20 "$work/console" >&2; leader=; fail "the root did not boot"; }
        sleep 0.2
    done
    until_true "multi-user" 120 'systemctl is-active --quiet multi-user.target'
    # An instance sets its host name there, which nspawn alone forbids.
    expect "no writable /proc/sys" 'mount -o remount,rw,bind /proc/sys'
}
