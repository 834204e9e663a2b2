#!/usr/bin/env bash
# Writes the alerts of deploy/otel as the Prometheus operator's PrometheusRule. A test fails where the file is not what this writes.
#   kubernetes-rules.sh           into deploy/k8s/components/monitoring/rules.yaml
#   kubernetes-rules.sh --print   on standard output
set -euo pipefail
cd "$(dirname "$(dirname "$(realpath "$0")")")"

rules() {
    cat <<'HEAD'
# Written by eng/kubernetes-rules.sh from deploy/otel/alerts.yaml: change it there.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: overture
spec:
HEAD
    sed '/^#/d; s/^\(.\)/  \1/' deploy/otel/alerts.yaml
}

case ${1:-} in
    '') rules > deploy/k8s/components/monitoring/rules.yaml ;;
    --print) rules ;;
    *) sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
