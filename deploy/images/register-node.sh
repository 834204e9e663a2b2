#!/bin/bash
# One-shot: registers the demo node and leaves its cloud-init seed in /seed; a node that is registered already is left alone.
# NODE: a launch file (examples/start_instance.yaml shows its keys); without it, the demo's login-allowed class.
set -euo pipefail
umask 077

export OVERTURE_CLI_CONFIG=/etc/overture/cli.yaml
if [ -s /seed/meta-data ]; then
    echo "registered before: $(sed -n 's/^instance-id: //p' /seed/meta-data)"
    exit 0
fi
certname=$(overture instance register -c "${NODE:-/etc/overture-node.yaml}" --user-data-file /seed/user-data)
printf 'instance-id: %s\nlocal-hostname: node\n' "$certname" > /seed/meta-data
echo "registered $certname"
