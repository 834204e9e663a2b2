#!/bin/bash
# The puppetserver image's first process, as user puppet: gets a certificate if there is none, keeps the CRL fresh, becomes the JVM.
set -euo pipefail

home=/var/lib/overture/puppetserver bin=${PUPPET_BIN:-/var/lib/overture/puppetserver/bin}
export HOME=$home/var LANG=C.UTF-8 OVERTURE_HOOKS_CONFIG=/etc/overture/hooks.yaml
umask 027
if [ -s $home/apply/token ]; then
    (umask 022 && mkdir -p $home/ssl/certs && cat /etc/overture/ca_crt.pem > $home/ssl/certs/ca.pem)
    (umask 077 && printf 'custom_attributes:\n  1.2.840.113549.1.9.7: "%s"\n' "$(cat $home/apply/token)" > $home/conf/csr_attributes.yaml)
    puppet ssl bootstrap --confdir $home/conf --color=false --waitforcert 2 --maxwaitforcert 60
    # Spent.
    rm -f $home/conf/csr_attributes.yaml $home/apply/token
fi
# A script that ended would leave a revoked agent let in forever.
(while :; do $bin/crl-refresh || true; sleep 5; done) &
exec $bin/puppetserver-start
