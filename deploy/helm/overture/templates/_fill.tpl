{{/* The objects of a file of deploy/k8s, each filled in: dict root, file ("base/conductor"). */}}
{{- define "overture.file" -}}
{{- $root := .root -}}
{{- $text := required (printf "files/%s.yaml is not in the chart" .file) ($root.Files.Get (printf "files/%s.yaml" .file)) -}}
{{- range $document := splitList "\n---\n" $text }}
{{- $object := fromYaml $document }}
{{- if hasKey $object "Error" }}{{ fail $object.Error }}{{ end }}
{{- include "overture.fill" (dict "root" $root "object" $object) }}
---
{{ toYaml $object }}
{{- end }}
{{- end }}

{{/* Values into one object, in place: dict root, object. */}}
{{- define "overture.fill" -}}
{{- $values := .root.Values -}}
{{- $object := .object -}}
{{- $name := $object.metadata.name -}}
{{- $_ := set $object.metadata "namespace" .root.Release.Namespace -}}
{{- if and (eq $object.kind "Service") (has $name (list "puppet" "puppet-ca")) $values.balancers -}}
{{- $_ := set $object.metadata "annotations" $values.balancers -}}
{{- end -}}
{{- if and (eq $object.kind "ServiceAccount") $values.cloud.enabled (hasKey $values.cloud.roles $name) -}}
{{- $_ := set $object.metadata "annotations" (dict "eks.amazonaws.com/role-arn" (get $values.cloud.roles $name)) -}}
{{- end -}}
{{- if eq $object.kind "HorizontalPodAutoscaler" -}}
{{- $_ := set $object.spec "minReplicas" $values.puppetserver.minReplicas -}}
{{- $_ := set $object.spec "maxReplicas" $values.puppetserver.maxReplicas -}}
{{- end -}}
{{- if and (eq $object.kind "Certificate") (eq $name "console") -}}
{{- $_ := set $object.spec "dnsNames" $values.certificates.console -}}
{{- end -}}
{{- if has $object.kind (list "StatefulSet" "Deployment" "Job") -}}
{{- include "overture.workload" . -}}
{{- end -}}
{{- end }}

{{- define "overture.workload" -}}
{{- $root := .root -}}
{{- $values := $root.Values -}}
{{- $object := .object -}}
{{- $name := $object.metadata.name -}}
{{- if hasKey $values.replicas $name -}}
{{- $_ := set $object.spec "replicas" (get $values.replicas $name) -}}
{{- end -}}
{{- if and $values.monitoring.enabled ($root.Files.Get (printf "files/components/monitoring/%s.yaml" $name)) -}}
{{- include "overture.patch" (dict "root" $root "object" $object "file" (printf "components/monitoring/%s" $name)) -}}
{{- end -}}
{{- if $values.cloud.enabled -}}
{{- $pod := $object.spec.template.spec -}}
{{- if hasKey $values.cloud.roles $name -}}
{{- include "overture.patch" (dict "root" $root "object" $object "file" "production/service") -}}
{{- range (first $pod.containers).env -}}
{{- if eq .name "AWS_ROLE_ARN" }}{{ $_ := set . "value" (get $values.cloud.roles $name) }}{{ end -}}
{{- end -}}
{{- $key := dict "name" (printf "%s-s3" $name) "optional" true "items" (list (dict "key" "credentials" "path" "aws/credentials")) -}}
{{- $etc := (first $pod.volumes).projected -}}
{{- $_ := set $etc "sources" (append $etc.sources (dict "secret" $key)) -}}
{{- else if eq $name "console" -}}
{{- $_ := set (first $pod.topologySpreadConstraints) "whenUnsatisfiable" "DoNotSchedule" -}}
{{- end -}}
{{- end -}}
{{- $template := $object.spec.template -}}
{{- range concat (default list $template.spec.initContainers) $template.spec.containers -}}
{{- $image := trimPrefix "overture/" (first (splitList ":" .image)) -}}
{{- $tag := get $values.image.tags $image | default $values.image.tag | default $root.Chart.AppVersion -}}
{{- $_ := set . "image" (printf "%soverture/%s:%s" $values.image.registry $image $tag) -}}
{{- end -}}
{{/* A changed ConfigMap has another name with kustomize; here its pods' annotation changes. A Job can't be changed: it is
     made anew after each install and upgrade. */}}
{{- if eq $object.kind "Job" -}}
{{- $_ := set $object.metadata "annotations" (dict "helm.sh/hook" "post-install,post-upgrade" "helm.sh/hook-delete-policy" "before-hook-creation") -}}
{{- else -}}
{{- $own := eq $name "puppetserver" | ternary (pick $values.puppetserver "names" "heap") (get $values.environment $name) -}}
{{- $sum := list $own (include "overture.cli" $root) | toJson | sha256sum -}}
{{- $_ := set $template.metadata "annotations" (dict "overture/configuration" $sum) -}}
{{- end -}}
{{- end }}

{{/* A JSON patch as kustomize applies it, of what those files have: replace by name, add to the end of a list. dict root, object, file. */}}
{{- define "overture.patch" -}}
{{- $object := .object -}}
{{- range $change := fromYamlArray (.root.Files.Get (printf "files/%s.yaml" .file)) -}}
{{- $steps := splitList "/" (trimPrefix "/" $change.path) -}}
{{- $append := eq (last $steps) "-" -}}
{{- if $append }}{{ $steps = initial $steps }}{{ end -}}
{{- $at := $object -}}
{{- range $step := initial $steps -}}
{{- if kindIs "slice" $at }}{{ $at = index $at (int $step) }}{{ else }}{{ $at = get $at $step }}{{ end -}}
{{- end -}}
{{- $value := $change.value -}}
{{- if $append }}{{ $value = append (get $at (last $steps)) $change.value }}{{ end -}}
{{- $_ := set $at (last $steps) $value -}}
{{- end -}}
{{- end }}

{{- define "overture.cli" -}}
{{- range $name := list "cli.yaml" "hooks.yaml" "register.yaml" }}
{{ $name }}: {{ $.Files.Get (printf "files/base/%s" $name) | toJson }}
{{- end }}
{{- end }}
