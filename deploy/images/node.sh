#!/bin/bash
# The demo node's first process: a boot by cloud-init from /seed (user-data, meta-data), then the agent's log until it is stopped.
set -uo pipefail

[ -s /seed/user-data ] && [ -s /seed/meta-data ] || { echo "node.sh: /seed holds no user-data and meta-data" >&2; exit 1; }
trap 'exit 0' TERM INT
seed=/var/lib/cloud/seed/nocloud log=/var/log/puppet/puppet.log
rebooted=
[ ! -e /var/lib/cloud/instance/sem/config_puppet ] || rebooted=yes
mkdir -p $seed /etc/facter
install -m 0600 /seed/user-data $seed/user-data
install -m 0644 /seed/meta-data $seed/meta-data
# Without a syslog daemon the agent's messages would be lost.
printf 'DAEMON_OPTS="--logdest %s"\n' $log > /etc/default/puppet
# 169.254.169.254 would answer with the host's own identity.
printf 'facts : { blocklist : [ "EC2", "GCE", "az_metadata" ] }\n' > /etc/facter/facter.conf
# Locks and pid files of a killed agent: in a new pid namespace their pids belong to others.
rm -f /var/cache/puppet/state/agent_catalog_run.lock /var/lib/puppet/ssl/ssl.lock /run/puppet/agent.pid

for stage in "init --local" "init" "modules --mode=config" "modules --mode=final"; do
    # shellcheck disable=SC2086 # two words
    cloud-init $stage || echo "node.sh: cloud-init $stage: exit code $?"
done
# cloud-init leaves Puppet alone after the first boot of an instance; systemd would start the agent again.
[ -z "$rebooted" ] || service puppet start
touch $log
tail -n +1 -F $log &
wait $!
