{{/* The values under `config`, as the TOML that the worker reads. (Helm's own toToml writes 512 as 512.0.) */}}

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
{{ $key }} = {{ include "segment-relay.toml.value" $value }}
{{- end }}
{{- end }}
{{- range $key, $value := .table }}
{{- if kindIs "map" $value }}

{{ include "segment-relay.toml.table" (dict "name" (printf "%s.%s" $.name $key) "table" $value) }}
{{- end }}
{{- end }}
{{- end -}}

{{/* JSON's text is TOML's, too. Helm hands on whole numbers as floats, and prints large ones like 6.7e+07. */}}
{{- define "segment-relay.toml.value" -}}
{{- if kindIs "slice" . -}}
{{- $parts := list -}}
{{- range . }}{{ $parts = append $parts (include "segment-relay.toml.value" .) }}{{ end -}}
[{{ join ", " $parts }}]
{{- else if and (kindIs "float64" .) (eq (floor .) .) -}}
{{ printf "%d" (int64 .) }}
{{- else -}}
{{ toRawJson . }}
{{- end -}}
{{- end -}}
