{{/* Durations and sizes as the worker reads them (worker/settings/quantities.py), for the guards and the probes. */}}

{{/* 45, 0.5, "45", "500ms", "1h30m" → milliseconds */}}
{{- define "segment-relay.milliseconds" -}}
{{- $in := dict "ms" 1 "s" 1000 "m" 60000 "h" 3600000 "d" 86400000 -}}
{{- $text := toString . | trim -}}
{{- $parts := regexFindAll "[0-9]+(\\.[0-9]+)?\\s*(ms|s|m|h|d)" $text -1 -}}
{{- if not $parts }}{{ $parts = list (printf "%ss" $text) }}{{ end -}}
{{- $total := 0.0 -}}
{{- range $parts -}}
{{- $total = addf $total (mulf (regexFind "^[^msdh ]+" . | float64) (regexFind "[a-z]+$" . | get $in)) -}}
{{- end -}}
{{- round $total 0 | int64 -}}
{{- end -}}

{{/* 67108864, "64MiB" → bytes; Kubernetes' "512Mi", "1G" as well */}}
{{- define "segment-relay.bytes" -}}
{{- $in := dict "" 1 "B" 1 "KiB" 1024 "MiB" 1048576 "GiB" 1073741824 -}}
{{- $in = merge $in (dict "m" 1e-3 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776) -}}
{{- $text := toString . | trim -}}
{{- $number := regexFind "^[0-9.]+(e\\+?[0-9]+)?" $text -}}
{{- mulf (float64 $number) (trimPrefix $number $text | trim | get $in) | int64 -}}
{{- end -}}
