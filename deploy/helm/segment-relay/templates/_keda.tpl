{{/* What KEDA asks Kafka and Prometheus, and how both make one number: README.md, "Scaling by lag". */}}

{{/* An identifier of the formula: no word of its language begins with "lag_" or "mendable_". */}}
{{- define "segment-relay.keda.identifier" -}}
{{- . | replace "-" "_" -}}
{{- end -}}

{{/* Of a time, KEDA knows nothing: until the first commit, "latest" does not scale by years of events. */}}
{{- define "segment-relay.keda.offsetResetPolicy" -}}
{{- eq (toString .) "earliest" | ternary "earliest" "latest" -}}
{{- end -}}

{{- define "segment-relay.keda.sasl" -}}
{{- get (dict "PLAIN" "plaintext" "SCRAM-SHA-256" "scram_sha256" "SCRAM-SHA-512" "scram_sha512") . -}}
{{- end -}}

{{/* Which series are this release's: what prometheus-operator makes of a PodMonitor. */}}
{{- define "segment-relay.keda.selector" -}}
{{- $own := printf "job=%q" (printf "%s/%s" .Release.Namespace (include "segment-relay.fullname" .)) -}}
{{- default $own .Values.autoscaling.keda.prometheus.selector -}}
{{- end -}}

{{/*
Lag at workers that go on. Who was held within five minutes (by its destination, or by what no worker can mend) does
not count; if nobody goes on, it is 0; and where Prometheus has no series of the destination, more than any lag.
*/}}
{{- define "segment-relay.keda.mendable" -}}
{{- $held := `state=~"limited|set-up|login|breaker|reject guard"` -}}
{{- $stuck := `limit=~"failing users|offset map|rate|dead letters|commit|lease"` -}}
{{- $lag := printf "segment_relay_consumer_lag{%s}" .series -}}
sum(max by (topic, partition) ({{ $lag }}
unless on (instance) max_over_time(segment_relay_destination_state{ {{- .series }}, {{ $held }}}[5m]) == 1
unless on (instance) max_over_time(segment_relay_limited_by{ {{- .series }}, {{ $stuck }}}[5m]) == 1))
or sum({{ $lag }}) * 0
or vector(1e9)
{{- end -}}
