#!/usr/bin/env bash
# The local provider's instance: a throw-away clone of an image (an overlay of it in fresh namespaces), in which the real
# cloud-init and the real Puppet agent boot from the very user data that EC2 would get. An image is a directory with a
# root file system; / is this host itself.
#
#   instance.sh check [IMAGE]                  exit 0 if this host (and that image) can do it, else one line that says
#                                              what is missing
#   instance.sh run DIR NAME IMAGE [HIDE...]   boot DIR (holding user-data and meta-data) as host NAME and stay until killed
#
# run stays in the foreground: SIGTERM ends the instance within 2 s, SIGKILL at once. A second run on the same DIR is
# a reboot. HIDE are absolute directories of the host that are empty inside where IMAGE is /; of the host nothing is seen
# in any other. DIR/vendor-data, where there is one, is what a cloud's operator adds. The console is DIR/console.log.
# The network is the host's, so that localhost services are reachable; an instance is a stage, not a security boundary.
set -euo pipefail

self=$(realpath -- "${BASH_SOURCE[0]}")
readonly self
readonly system_path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
readonly spaces=(--mount --pid --uts --ipc --fork --kill-child --propagation private)

# Directories in which a clone of the host starts empty and that outlive a reboot: mode, owner, path.
readonly own=(
  "0755 root:root     /var/lib/cloud"
  "0755 root:root     /etc/puppet"
  "0750 puppet:puppet /var/lib/puppet"
  "0751 puppet:puppet /var/cache/puppet"
  "0750 puppet:puppet /var/log/puppet"
  "0700 root:root     /root"
  "0755 root:root     /home"
)
# Other places where a Puppet server or CA of the host keeps its secrets.
readonly hidden=(/etc/puppetlabs /var/lib/puppetserver /var/cache/puppetserver /opt/puppetlabs/server)

# What a clone may not do to the host whose kernel, clock and network it shares.
readonly dropped=-sys_admin,-sys_module,-sys_rawio,-sys_boot,-sys_time,-mknod,-net_admin,-syslog,-mac_admin,-mac_override,-dac_read_search,-bpf,-perfmon

fail() {
  printf 'instance.sh: %s\n' "$*" >&2
  exit 1
}

# --- check ---------------------------------------------------------------------------------------------------------

check() {
  local tool trial image=${1:-/}
  [[ $(uname -s) == Linux ]] || fail "local instances need Linux; use the ec2 provider here"
  (( EUID == 0 )) || fail "local instances need root (namespaces and mounts); run Overture as root or use the ec2 provider"
  for tool in unshare setpriv flock mount pivot_root; do
    command -v "$tool" > /dev/null || fail "the command $tool is missing; install util-linux 2.33 or newer"
  done
  if [[ $image == / ]]; then check_host; else check_image "$image"; fi
  trial=$(mktemp -d)
  # The trial mounts live and die in a namespace of their own; the lower directory is the real one.
  if ! unshare "${spaces[@]}" setpriv --bounding-set "$dropped" true 2> "$trial/why"; then
    fail_trial "$trial" "this host refuses new namespaces (a container without CAP_SYS_ADMIN?); run it on the host or in a privileged container"
  fi
  if ! unshare "${spaces[@]}" bash -euc 'mount -t tmpfs tmpfs "$1"; cd "$1"; mkdir upper work root
      mount -t overlay overlay -o lowerdir=/,upperdir=upper,workdir=work root; mount -t proc proc root/proc' _ "$trial" 2> "$trial/why"; then
    fail_trial "$trial" "this host refuses an overlay of /; load it with: modprobe overlay (in a container: run it privileged)"
  fi
  rm -rf -- "$trial"
}

check_host() {
  [[ -x /usr/bin/cloud-init ]] || fail "cloud-init is not installed; apt-get install cloud-init"
  [[ -x /usr/bin/puppet && -x /etc/init.d/puppet ]] || [[ -x /opt/puppetlabs/bin/puppet ]] ||
    fail "no Puppet agent is installed; apt-get install puppet-agent"
  command -v ssh-keygen > /dev/null || fail "ssh-keygen is missing; apt-get install openssh-client"
}

# An agent it need not have: user data installs one. Links in an image are its own, so what they lead to is not looked at.
check_image() { # IMAGE
  local folder
  [[ -d $1 ]] || fail "there is no directory $1"
  for folder in etc usr var; do
    [[ -d $1/$folder ]] || fail "$1 is no root file system: it has no /$folder"
  done
  has "$1" bash || fail "$1 has no bash; install it there"
  has "$1" cloud-init || fail "$1 has no cloud-init; install it there"
  has "$1" ssh-keygen || fail "$1 has no ssh-keygen; install openssh-client (or openssh) there"
  has "$1" setpriv || fail "$1 has no setpriv; install util-linux there"
}

has() { # IMAGE COMMAND
  local folder
  for folder in usr/bin bin usr/local/bin usr/sbin; do
    [[ ! -e $1/$folder/$2 && ! -L $1/$folder/$2 ]] || return 0
  done
  return 1
}

fail_trial() {
  local why
  why=$(head -n 1 "$1/why")
  rm -rf -- "$1"
  fail "$2${why:+ [$why]}"
}

# --- run: outside, the process the caller knows ----------------------------------------------------------------------

run() {
  local dir=$1 name=$2 image=$3
  shift 3
  dir=$(realpath -e -- "$dir")
  [[ -d $image ]] || fail "there is no image $image"
  image=$(realpath -e -- "$image")
  [[ -f $dir/user-data && -f $dir/meta-data ]] || fail "$dir holds no user-data and meta-data"
  [[ $name =~ ^[a-zA-Z0-9]([a-zA-Z0-9.-]{0,62}[a-zA-Z0-9])?$ ]] || fail "not a host name: $name"
  (( EUID == 0 )) || fail "must run as root"

  # Held until the last process of the instance is gone: two boots of one directory would share an upper layer.
  exec 9> "$dir/lock"
  flock --wait 5 9 || fail "$dir is running already"

  # A clean environment here too: /proc/1/environ inside is what init was started with.
  env -i PATH="$system_path" HOME=/root TERM=dumb LANG=C.UTF-8 \
    setpriv --pdeathsig KILL unshare "${spaces[@]}" bash "$self" inside "$dir" "$name" "$image" "$@" \
    < /dev/null >> "$dir/console.log" 2>&1 &
  local namespace=$! rc=0
  trap 'stop "$namespace"' TERM INT HUP
  wait "$namespace" || rc=$?
  exit "$rc"
}

# Asks init to stop, then takes the whole namespace away. unshare itself blocks SIGTERM while it waits.
stop() {
  local init='' tenths
  trap '' TERM INT HUP
  read -r init < "/proc/$1/task/$1/children" || true
  [[ -z $init ]] || kill -TERM "$init" 2> /dev/null || true
  for (( tenths = 0; tenths < 14; tenths++ )); do
    [[ -e /proc/$1 ]] || break
    sleep 0.1 9>&-
  done
  kill -KILL "$1" 2> /dev/null || true
  wait "$1" 2> /dev/null || true
  exit 0
}

# --- inside: pid 1, still with the host's files in sight -------------------------------------------------------------

inside() {
  local dir=$1 name=$2 image=$3
  shift 3
  printf 'overture: boot started %s name=%s\n' "$(date -u +%FT%T.%3NZ)" "$name"
  umask 022
  cd -- "$dir"
  mkdir -p -- layers own root
  mount_root "$image"
  [[ $image != / ]] || hide_host "$@"
  mount_kernel
  printf '%s\n' "$name" > /proc/sys/kernel/hostname
  furnish "$name" "$image"
  mount -o remount,bind,ro root/proc/sys
  { printf 'set -uo pipefail\n'; declare -f init stopping start_agent; printf 'init\n'; } > root/run/overture/init

  cd root
  pivot_root . mnt
  umount -l /mnt
  exec env -u PWD -u OLDPWD setpriv --bounding-set "$dropped" bash /run/overture/init
}

# What of the host a clone of it does not see: file systems that are not its system, its Puppet, its secrets.
hide_host() { # HIDE...
  local entry mode owner path
  mount_nested
  for entry in "${own[@]}"; do
    read -r mode owner path <<< "$entry"
    if [[ ! -d own$path ]]; then
      mkdir -p "own$path"
      chown "$owner" "own$path"
      chmod "$mode" "own$path"
    fi
    mkdir -p "root$path"
    mount --bind "own$path" "root$path"
  done
  for path in "${hidden[@]}" "$@"; do
    path=$(realpath -m -- "$path")
    [[ $path != / && -d $path ]] || continue
    [[ " ${own[*]} " != *" $path "* ]] || continue   # empty already, and cloud-init writes there
    mkdir -p -- "root$path"
    mount -t tmpfs -o mode=0755,size=64k,ro tmpfs "root$path"
  done
}

# The clone. An overlay's upper layer cannot lie on another overlay (so in most containers): then that of the host is
# kept in memory, with a copy of /etc beside the instance's own directories, so that a reboot still finds users and host
# keys; of any other image there is a copy.
mount_root() { # IMAGE
  ! mount_overlay "$1" layers root 2> /dev/null || return 0
  if [[ $1 != / ]]; then
    printf 'overture: %s cannot hold an overlay; the clone is a copy\n' "$PWD"
    if [[ ! -d layers/copy ]]; then
      rm -rf layers/copy.new
      cp -a -- "$1" layers/copy.new
      mv layers/copy.new layers/copy
    fi
    mount --bind layers/copy root
    return
  fi
  printf 'overture: %s cannot hold an overlay; the clone is kept in memory\n' "$PWD"
  mount -t tmpfs -o mode=0755 tmpfs layers
  mount_overlay / layers root
  if [[ ! -d etc ]]; then
    rm -rf etc.new
    cp -a /etc etc.new
    mv etc.new etc
  fi
  mount --bind etc root/etc
}

# mount_overlay LOWER LAYER TARGET. Volatile, because unmounting would sync the whole host's disk otherwise; the mark
# this leaves must go before the layer is used again. Kernels before 5.10 do not know it.
mount_overlay() {
  mkdir -p "$2/upper" "$2/work"
  rm -rf "$2/work/work/incompat"
  local lower=${1//\\/\\\\}
  lower=${lower//:/\\:}
  lower=${lower//,/\\,}
  mount -t overlay overlay -o "lowerdir=$lower,upperdir=$2/upper,workdir=$2/work,volatile" "$3" ||
    mount -t overlay overlay -o "lowerdir=$lower,upperdir=$2/upper,workdir=$2/work" "$3"
}

# An overlay shows one file system. System directories that lie on others get a layer each; single files mounted
# into /etc (resolv.conf, in Docker) are copied.
mount_nested() {
  local target type layer number=0
  while read -r target type; do
    printf -v target '%b' "$target"
    case $target in
      /etc/resolv.conf) [[ ! -f $target ]] || cp --remove-destination "$target" "root$target" ;;
      /usr | /usr/* | /var | /var/lib | /var/cache | /var/lib/dpkg | /etc | /opt | /opt/*)
        case $type in ext?|xfs|btrfs|zfs|f2fs|overlay) ;; *) continue ;; esac
        [[ -d $target ]] || continue
        layer=layers/nested$(( ++number ))
        mkdir -p "root$target"
        mount_overlay "$target" "$layer" "root$target" ||
          printf 'overture: %s could not be cloned and is empty\n' "$target"
        ;;
    esac
  done < <(awk '{ for (i = 7; $i != "-"; i++); print $5, $(i + 1) }' /proc/self/mountinfo)
}

mount_kernel() {
  mkdir -p root/{proc,sys,run,tmp,dev,mnt}
  mount -t proc -o nosuid,nodev,noexec proc root/proc
  mount -t sysfs -o ro,nosuid,nodev,noexec sysfs root/sys || mount --rbind /sys root/sys
  mount -t tmpfs -o nosuid,nodev,mode=0755 tmpfs root/run
  mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs root/tmp
  # /proc/sys names the host's kernel: bound over itself so that it can be made read-only.
  mount --bind root/proc/sys root/proc/sys
  [[ ! -e root/proc/sysrq-trigger ]] || mount --bind /dev/null root/proc/sysrq-trigger
  # No device of the host: its disks, above all.
  mount -t tmpfs -o nosuid,mode=0755 tmpfs root/dev
  mkdir root/dev/pts root/dev/shm root/run/lock
  local node major minor
  while read -r node major minor; do
    mknod -m 0666 "root/dev/$node" c "$major" "$minor"
  done <<< $'null 1 3\nzero 1 5\nfull 1 7\nrandom 1 8\nurandom 1 9\ntty 5 0'
  mount -t devpts -o newinstance,nosuid,noexec,mode=0620,ptmxmode=0666,gid=5 devpts root/dev/pts
  mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs root/dev/shm
  ln -s pts/ptmx root/dev/ptmx
  ln -s /proc/self/fd root/dev/fd
  ln -s /proc/self/fd/0 root/dev/stdin
  ln -s /proc/self/fd/1 root/dev/stdout
  ln -s /proc/self/fd/2 root/dev/stderr
}

# What makes the clone another machine than its image, and the seed cloud-init boots from.
furnish() {
  local name=$1 image=$2 short=${1%%.*} aliases=$1
  [[ $short == "$name" ]] || aliases="$name $short"
  local seed=root/var/lib/cloud/seed/nocloud data=root/var/lib/cloud/data

  if [[ ! -s own/machine-id ]]; then
    rm -f root/etc/ssh/ssh_host_* root/etc/cloud/cloud-init.disabled root/var/log/cloud-init*.log
    mkdir -p "$data"
    furnish_agent "$image"
    # cloud-init believes it has set this name already: sethostname(2) is not allowed any more when it runs.
    printf '{"hostname": "%s", "fqdn": "%s"}\n' "$short" "$name" > "$data/set-hostname"
    rm -f root/etc/hostname
    printf '%s\n' "$name" > root/etc/hostname
    tr -d '-' < /proc/sys/kernel/random/uuid > own/machine-id
  fi
  rm -f root/etc/machine-id root/var/lib/dbus/machine-id
  cp own/machine-id root/etc/machine-id
  [[ ! -d root/var/lib/dbus ]] || ln -s /etc/machine-id root/var/lib/dbus/machine-id
  # The network is the host's, and so are names: those of today.
  if [[ $image != / ]]; then
    rm -f root/etc/resolv.conf
    cat /etc/resolv.conf > root/etc/resolv.conf 2> /dev/null || true
  fi
  # Its own name must not cost a DNS query.
  rm -f root/etc/hosts
  { printf '127.0.1.1 %s\n' "$aliases"; cat /etc/hosts 2> /dev/null || true; } > root/etc/hosts
  # Locks of a killed agent: in a new pid namespace their pids belong to others.
  rm -f root/{var/cache/puppet,opt/puppetlabs/puppet/cache}/state/agent_catalog_run.lock \
    root/{var/lib/puppet,etc/puppetlabs/puppet}/ssl/ssl.lock

  mkdir -p "$seed" root/etc/cloud/cloud.cfg.d root/run/overture
  cp user-data meta-data "$seed/"
  [[ ! -e vendor-data ]] || cp vendor-data "$seed/"
  chmod 0600 "$seed/user-data"
  cat > root/etc/cloud/cloud.cfg.d/99-overture.cfg << 'CFG'
# The seed is the only data source: no metadata address and no disk is asked.
datasource_list: [NoCloud, None]
datasource: {NoCloud: {fs_label: null}}
network: {config: disabled}
growpart: {mode: "off"}
resize_rootfs: false
ssh_genkeytypes: [ed25519, ecdsa]
cloud_init_modules: [bootcmd, write-files, set_hostname, ca-certs, users-groups, ssh]
cloud_config_modules: [set-passwords, timezone, runcmd]
cloud_final_modules: [package-update-upgrade-install, write-files-deferred, puppet, scripts-per-once, scripts-per-boot,
  scripts-per-instance, scripts-user, ssh-authkey-fingerprints, keys-to-console, final-message]
CFG
  furnish_stages
}

# Both layouts of an agent, those that are there or may come.
furnish_agent() { # IMAGE
  local facter folder
  if [[ $1 == / ]]; then
    mkdir -p own/etc/puppet/code
    printf '# As shipped: no settings.\n' > own/etc/puppet/puppet.conf
  fi
  # Without a syslog daemon the agent's messages would be lost.
  [[ ! -x root/usr/bin/puppet ]] || printf 'DAEMON_OPTS="--logdest /var/log/puppet/puppet.log"\n' > root/etc/default/puppet
  # Facter asks 169.254.169.254 when the machine looks like a cloud's: the answer would be the host's own identity.
  for folder in root/etc/facter root/etc/puppetlabs/facter; do
    [[ $1 != / || $folder != */puppetlabs/* ]] || continue # hidden
    mkdir -p "$folder"
    printf 'facts : { blocklist : [ "EC2", "GCE", "az_metadata" ] }\n' > "$folder/facter.conf"
  done
}

furnish_stages() {
  # The four commands of a boot, each in a process of its own, from one interpreter: starting Python four times costs a
  # second (cloud-init 24.3 has --all-stages for the same reason).
  cat > root/run/overture/stages << 'STAGES'
import os, sys
from cloudinit import stages
from cloudinit.cmd.main import main
from cloudinit.config import schema

failed = 0
for stage in (["init", "--local"], ["init"], ["modules", "--mode=config"], ["modules", "--mode=final"]):
    child = os.fork()
    if child == 0:
        sys.argv = ["/usr/bin/cloud-init", *stage]
        sys.exit(main())
    status = os.waitpid(child, 0)[1]
    failed = (status >> 8 if status & 127 == 0 else 1) or failed
sys.exit(failed)
STAGES
}

# --- init: pid 1 of the instance --------------------------------------------------------------------------------------

init() {
  local rc=0 tenths reboot=no python
  trap stopping TERM
  [[ ! -e /var/lib/cloud/instance/boot-finished ]] || reboot=yes
  cd /root || cd /
  # The interpreter that its cloud-init is made for need not be python3.
  read -r _ python < <(sed -n '1s/^#! */# /p' "$(command -v cloud-init)")
  # shellcheck disable=SC2086 # it may have arguments
  ${python:-/usr/bin/python3} /run/overture/stages 9>&- &
  wait $! || rc=$?
  # cloud-init writes through tee: its last lines (the SSH host keys) come before the next one.
  for (( tenths = 0; tenths < 10; tenths++ )); do
    grep -qsx tee /proc/[0-9]*/comm || break
    sleep 0.1
  done
  printf 'overture: cloud-init finished rc=%d %s\n' "$rc" "$(date -u +%FT%T.%3NZ)"
  [[ $reboot == no ]] || start_agent
  # bash reaps what it did not start, too.
  while :; do
    sleep infinity 9>&- &
    wait $!
  done
}

stopping() {
  local tenths
  trap '' TERM
  kill -TERM -1
  for (( tenths = 0; tenths < 8; tenths++ )); do
    kill -0 -1 2> /dev/null || break
    sleep 0.1
  done
  printf 'overture: instance stopped %s\n' "$(date -u +%FT%T.%3NZ)"
  exit 0
}

# After a reboot cloud-init leaves Puppet alone: it ran once for this instance id. systemd would start it again.
start_agent() {
  grep -qs '^[[:space:]]*certname' /etc/puppet/puppet.conf /etc/puppetlabs/puppet/puppet.conf || return 0
  ! grep -qsE '^[[:space:]]*start_service:[[:space:]]*(false|no|off)' /var/lib/cloud/instance/cloud-config.txt || return 0
  if [[ -x /etc/init.d/puppet ]]; then
    /etc/init.d/puppet start 9>&-
  elif [[ -x /opt/puppetlabs/bin/puppet ]]; then
    /opt/puppetlabs/bin/puppet agent 9>&-
  else
    puppet agent 9>&-
  fi && printf 'overture: puppet agent started\n'
}

case ${1:-} in
  check) (( $# <= 2 )) || fail "usage: instance.sh check [IMAGE]"; shift; check "$@" ;;
  run) (( $# >= 4 )) || fail "usage: instance.sh run DIR NAME IMAGE [HIDE...]"; shift; run "$@" ;;
  inside) shift; inside "$@" ;;
  *) fail "usage: instance.sh check [IMAGE] | run DIR NAME IMAGE [HIDE...]" ;;
esac
