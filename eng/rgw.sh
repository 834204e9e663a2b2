#!/usr/bin/env bash
# A Ceph object gateway (radosgw) of Debian 13 with a cluster of its own: one monitor, one OSD with BlueStore on a sparse file, the gateway.
# All of it runs in the root trixie-ceph (eng/roots.sh) below an overlay in memory, in a mount and a process namespace of its own, and
# ends with its standard input: so it ends with its parent, killed or not. Nothing is kept.
#
#   eng/rgw.sh PORT     listens on 127.0.0.1:PORT, and then prints "running" (about 15 s)
#
# The S3 user "overture" has the access key "overture" and the secret key "overture-secret", the user "other" "other" and "other-secret".
#
# Needs root, about 1 GB of memory, and four free ports more, which it finds. No part of the cluster asks for a key: for tests only.
set -euo pipefail

fail() { echo "rgw.sh: $*" >&2; exit 1; }

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# As process 1 of the namespaces; what it leaves running dies with it.
inside() { # ROOT PORT MONITOR_PORT FIRST LAST
    local root=$1 port=$2 monitor=$3 first=$4 last=$5 top=/run id fsid
    mount -t tmpfs -o size=6g tmpfs $top
    mkdir $top/{upper,work,root}
    mount -t overlay overlay -o "lowerdir=$root,upperdir=$top/upper,workdir=$top/work" $top/root
    mount -t proc proc $top/root/proc
    mount --rbind /dev $top/root/dev
    mount -t tmpfs tmpfs $top/root/run
    fsid=$(cat /proc/sys/kernel/random/uuid)
    cat > $top/root/etc/ceph/ceph.conf <<CONF
[global]
fsid = $fsid
mon_host = v2:127.0.0.1:$monitor
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
ms_mon_client_mode = crc secure
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pg_autoscale_mode = off
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 1000
osd_crush_chooseleaf_type = 0
osd_class_dir = /usr/lib/x86_64-linux-gnu/rados-classes
run_dir = /run/ceph
log_to_file = false
log_to_stderr = true
err_to_stderr = true
ms_bind_port_min = $first
ms_bind_port_max = $last
[osd]
osd_objectstore = bluestore
bluestore_block_size = 5368709120
bluestore_fsck_on_mount = false
osd_memory_target = 939524096
[client.rgw]
rgw_frontends = beast endpoint=127.0.0.1:$port
rgw_thread_pool_size = 64
rgw_enable_usage_log = false
CONF
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 chroot $top/root bash -euo pipefail -c "$(declare -f cluster); cluster $port $fsid $monitor"
}

cluster() { # PORT FSID MONITOR_PORT
    local port=$1 fsid=$2 monitor=$3 osd
    mkdir -p /run/ceph /var/lib/ceph/{mon/ceph-a,osd/ceph-0}
    # 1. the monitor
    monmaptool --create --fsid "$fsid" --addv a "[v2:127.0.0.1:$monitor]" /run/monmap > /dev/null
    ceph-mon --mkfs -i a --monmap /run/monmap > /run/mon-mkfs.log 2>&1
    ceph-mon -f -i a > /run/mon.log 2>&1 &
    # 2. the OSD
    osd=$(cat /proc/sys/kernel/random/uuid)
    timeout 60 ceph osd new "$osd" > /dev/null
    ceph-osd -i 0 --mkfs --osd-uuid "$osd" > /run/osd-mkfs.log 2>&1
    ceph-osd -f -i 0 > /run/osd.log 2>&1 &
    # 3. users, then the gateway
    timeout 120 radosgw-admin user create --uid=overture --display-name=overture --access-key=overture --secret-key=overture-secret > /dev/null
    timeout 60 radosgw-admin user create --uid=other --display-name=other --access-key=other --secret-key=other-secret > /dev/null
    radosgw -f -n client.rgw > /run/rgw.log 2>&1 &
    for _ in $(seq 300); do
        ! (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null || break
        read -rt 0.2 <> <(:) || true
    done
    (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null || { tail -n 20 /run/rgw.log >&2; exit 1; }
    echo running
    # 4. until the parent ends
    cat > /dev/null
}

case ${1:-} in
    inside) shift; inside "$@" ;;
    '' | -h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" ;;
    *)
        [ "$(id -u)" = 0 ] || fail "needs root: the cluster runs in namespaces of its own"
        root=$("$(dirname "$(realpath "$0")")/roots.sh" trixie-ceph)
        first=$(free_port)
        exec unshare --mount --pid --fork --kill-child -- "$(realpath "$0")" inside "$root" "$1" "$(free_port)" "$first" $((first + 20))
        ;;
esac
