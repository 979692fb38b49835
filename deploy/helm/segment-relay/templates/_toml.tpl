{{/*
The values under `config`, as the TOML that the worker reads: texts, numbers and lists are written as in JSON. (Helm's
own toToml writes 512 as 512.0, since Helm hands on whole numbers as floats.)
*/}}

{{- define "segment-relay.toml" -}}
{{- $tables := list -}}
{{- range list "kafka" "worker" -}}
{{- $tables = append $tables (include "segment-relay.toml.table" (dict "name" . "table" (index $.Values.config .)) | trim) -}}
{{- end -}}
{{- range $name, $destination := .Values.config.destinations -}}
{{- $path := printf "destinations.%s" $name -}}
{{- $tables = append $tables (include "segment-relay.toml.table" (dict "name" $path "table" $destination) | trim) -}}
{{- end -}}
{{- join "\n\n" $tables -}}
{{- end -}}

{{/* A table's settings first, then the tables in it: TOML has it no other way. */}}
{{- define "segment-relay.toml.table" -}}
[{{ .name }}]
{{- range $key, $value := .table }}
{{- if not (or (kindIs "map" $value) (kindIs "invalid" $value)) }}
{{ $key }} = {{ toRawJson $value }}
{{- end }}
{{- end }}
{{- range $key, $value := .table }}
{{- if kindIs "map" $value }}

{{ include "segment-relay.toml.table" (dict "name" (printf "%s.%s" $.name $key) "table" $value) }}
{{- end }}
{{- end }}
{{- end -}}
