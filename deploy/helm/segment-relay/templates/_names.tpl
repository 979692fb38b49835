{{/* Names and labels. */}}

{{- define "segment-relay.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* 52 letters at most: Kubernetes adds eleven to a StatefulSet's name for a label that takes 63. */}}
{{- define "segment-relay.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $both := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- default $both .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{/* Everything of this release. */}}
{{- define "segment-relay.release" -}}
app.kubernetes.io/name: {{ include "segment-relay.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Its workers, without the pod of `helm test`. */}}
{{- define "segment-relay.workers" -}}
{{ include "segment-relay.release" . }}
app.kubernetes.io/component: worker
{{- end -}}

{{- define "segment-relay.labels" -}}
{{ include "segment-relay.release" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "segment-relay.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "segment-relay.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "segment-relay.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "segment-relay.maxReplicas" -}}
{{- .Values.autoscaling.maxReplicas | default .Values.partitions | int64 -}}
{{- end -}}
