{{/* What cannot work is told before anything is installed: all of it at once, each with what to do. */}}

{{- define "segment-relay.refuseMistakes" -}}
{{- $groups := list "replicas" "timings" "memory" "kafka" "destinations" "files" "keda" -}}
{{- $found := list -}}
{{- range $groups -}}
{{- range include (printf "segment-relay.mistakes.%s" .) $ | splitList "\n" -}}
{{- if trim . }}{{ $found = append $found (printf "  - %s" (trim .)) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- if $found -}}
{{- fail (printf "\n\nThis cannot work:\n%s\n" (join "\n" $found)) -}}
{{- end -}}
{{- end -}}

{{- define "segment-relay.mistakes.replicas" -}}
{{- $partitions := int64 .Values.partitions -}}
{{- $scaled := ne .Values.autoscaling.mode "none" -}}
{{- $min := int64 .Values.autoscaling.minReplicas -}}
{{- $max := include "segment-relay.maxReplicas" . | int64 -}}
{{- if not $partitions }}
partitions is not set: say how many partitions the topics in config.kafka.topics have together.
{{- else if and (not $scaled) (gt (int64 .Values.replicas) $partitions) }}
replicas ({{ .Values.replicas }}) is more than partitions ({{ $partitions }}): a worker without a partition only waits. Lower replicas, or correct partitions.
{{- else if and $scaled (gt $max $partitions) }}
autoscaling.maxReplicas ({{ $max }}) is more than partitions ({{ $partitions }}): a worker without a partition only waits. Lower it, or correct partitions.
{{- else if and $scaled (gt $min $max) }}
autoscaling.minReplicas ({{ $min }}) is more than autoscaling.maxReplicas ({{ $max }}; 0 means partitions): lower the one or raise the other.
{{- end }}
{{- if and (eq .Values.autoscaling.mode "hpa") (not (dig "requests" "cpu" "" .Values.resources)) }}
autoscaling.mode is hpa, but resources.requests.cpu is not set, which autoscaling.hpa.cpu is a part of: set it.
{{- end }}
{{- end -}}

{{- define "segment-relay.mistakes.timings" -}}
{{- $kafka := .Values.config.kafka -}}
{{- $drain := default "45s" .Values.config.worker.drain_timeout -}}
{{- $drains := include "segment-relay.milliseconds" $drain | int64 -}}
{{- $session := default "45s" $kafka.session_timeout -}}
{{- $sessions := include "segment-relay.milliseconds" $session | int64 -}}
{{- $poll := default "5m" $kafka.max_poll_interval -}}
{{- $heartbeat := default "3s" $kafka.heartbeat_interval -}}
{{- if le (mul 1000 (int64 .Values.terminationGracePeriodSeconds)) $drains }}
terminationGracePeriodSeconds ({{ .Values.terminationGracePeriodSeconds }}) is not more than config.worker.drain_timeout ({{ $drain }}): a worker would be killed while it finishes what is under way. Make it some 30 s more.
{{- end }}
{{- if and (eq .Values.workload "StatefulSet") (lt $sessions (add $drains 30000)) }}
config.kafka.session_timeout ({{ $session }}) is less than a restart may take, config.worker.drain_timeout ({{ $drain }}) and 30 s for the new pod: every restart would move partitions. Raise it to {{ div (add $drains 30999) 1000 }}s or more.
{{- end }}
{{- if and (eq .Values.workload "Deployment") (gt $sessions 45000) }}
config.kafka.session_timeout ({{ $session }}) is too long for a Deployment: a worker that is killed comes back under another name, and its partitions stand still until the group has given it up. Lower it to 30s, and to no more than 45s.
{{- end }}
{{- if ge $drains (include "segment-relay.milliseconds" $poll | int64) }}
config.worker.drain_timeout ({{ $drain }}) is not less than config.kafka.max_poll_interval ({{ $poll }}): lower the one or raise the other.
{{- end }}
{{- if gt (mul 3 (include "segment-relay.milliseconds" $heartbeat | int64)) $sessions }}
config.kafka.heartbeat_interval ({{ $heartbeat }}) is more than a third of config.kafka.session_timeout ({{ $session }}): lower it.
{{- end }}
{{- range $name, $destination := .Values.config.destinations }}
{{- $request := default "10s" $destination.request_timeout -}}
{{- $requests := include "segment-relay.milliseconds" $request | int64 -}}
{{- if gt (mul 3 $requests) $sessions }}
config.destinations.{{ $name }}.request_timeout ({{ $request }}) is more than a third of config.kafka.session_timeout ({{ $session }}): lower the one or raise the other.
{{- end }}
{{- if ge $requests $drains }}
config.destinations.{{ $name }}.request_timeout ({{ $request }}) is not less than config.worker.drain_timeout ({{ $drain }}): lower the one or raise the other.
{{- end }}
{{- end }}
{{- end -}}

{{/* Buffers are full when a destination is down: who is killed then begins anew, with full buffers. */}}
{{- define "segment-relay.mistakes.memory" -}}
{{- $needed := 134217728 -}}
{{- range .Values.config.destinations }}
{{- if ne .enabled false }}
{{- $needed = add $needed (include "segment-relay.bytes" (.buffer_bytes | default "64MiB") | int64) }}
{{- end }}
{{- end }}
{{- with .Values.resources.limits }}
{{- if and .memory (lt (include "segment-relay.bytes" .memory | int64) $needed) }}
resources.limits.memory ({{ .memory }}) is less than a worker may need, 128 MiB and the buffer_bytes of each destination ({{ div (add $needed 1048575) 1048576 }}Mi in all): raise the one or lower the others.
{{- end }}
{{- end }}
{{- end -}}

{{- define "segment-relay.mistakes.kafka" -}}
{{- $kafka := .Values.config.kafka -}}
{{- if not $kafka.bootstrap_servers }}
config.kafka.bootstrap_servers is not set: name some brokers, like ["kafka-1.example:9092"].
{{- end }}
{{- if not $kafka.topics }}
config.kafka.topics is not set: name the topics that hold Segment events, like ["segment-events"].
{{- end }}
{{- if $kafka.instance_id }}
config.kafka.instance_id is set, but each worker needs one of its own: leave it out, workload: StatefulSet gives them the pods' names.
{{- end }}
{{- if .Values.config.worker.admin_address }}
config.worker.admin_address is set, but the probes and the metrics count on port 9404: leave it out.
{{- end }}
{{- end -}}

{{- define "segment-relay.mistakes.destinations" -}}
{{- if not .Values.config.destinations }}
config.destinations is empty: name at least one, with its mapping, start_at and settings.
{{- end }}
{{- range $name, $destination := .Values.config.destinations }}
{{- if not $destination.mapping }}
config.destinations.{{ $name }}.mapping is not set: wigzo, wootric, or that of another package in your image.
{{- end }}
{{- if not $destination.start_at }}
config.destinations.{{ $name }}.start_at is not set: "latest", "earliest" (all that Kafka has: last year's events may mean last year's surveys) or a time like "2026-11-01T00:00:00Z".
{{- end }}
{{- end }}
{{- end -}}

{{/* Every file that the settings name is in the Secret; only authorities may also come with the image. */}}
{{- define "segment-relay.mistakes.files" -}}
{{- include "segment-relay.mistakes.filesOf" (dict "root" . "path" "config.kafka" "table" .Values.config.kafka) }}
{{- range $name, $destination := .Values.config.destinations }}
{{- $path := printf "config.destinations.%s" $name }}
{{- include "segment-relay.mistakes.filesOf" (dict "root" $ "path" $path "table" $destination) }}
{{- include "segment-relay.mistakes.filesOf" (dict "root" $ "path" (printf "%s.settings" $path) "table" ($destination.settings | default dict)) }}
{{- end }}
{{- end -}}

{{- define "segment-relay.mistakes.filesOf" -}}
{{- range $setting, $file := .table }}
{{- if hasSuffix "_file" $setting }}
{{- if not (regexMatch "^/run/secrets/segment-relay/[-._a-zA-Z0-9]+$" (toString $file)) }}
{{- if not (and (eq $setting "ca_file") (hasPrefix "/" (toString $file)) (not (hasPrefix "/run/secrets" (toString $file)))) }}
{{ $.path }}.{{ $setting }} is {{ $file }}, where nothing is: put it into the Secret secret.name, and name it /run/secrets/segment-relay/KEY.
{{- end }}
{{- else if not $.root.Values.secret.name }}
{{ $.path }}.{{ $setting }} is {{ $file }}, but secret.name is not set: create a Secret with the key {{ base $file }}, and name it there.
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "segment-relay.mistakes.keda" -}}
{{- if eq .Values.autoscaling.mode "keda" }}
{{- $enabled := list }}
{{- range $name, $destination := .Values.config.destinations }}
{{- if ne $destination.enabled false }}{{ $enabled = append $enabled $name }}{{ end }}
{{- end }}
{{- if and .Values.config.destinations (not $enabled) }}
autoscaling.mode is keda, but every destination is disabled, so there is nothing to scale by: set autoscaling.mode to none.
{{- end }}
{{- with .Values.autoscaling.keda }}
{{- if and .prometheus.address (not $.Values.monitoring.podMonitor.enabled) (not .prometheus.selector) }}
autoscaling.keda.prometheus.address is set, but not which series are this release's: set monitoring.podMonitor.enabled, or autoscaling.keda.prometheus.selector to what your Prometheus puts on them, like job="segment-relay".
{{- end }}
{{- $ca := default "" $.Values.config.kafka.ca_file }}
{{- if and $ca (not (hasPrefix "/run/secrets/segment-relay/" $ca)) (not .triggerAuthentication) }}
config.kafka.ca_file ({{ $ca }}) comes with the image, where KEDA cannot read it: put it into the Secret secret.name, or name a TriggerAuthentication of your own in autoscaling.keda.triggerAuthentication.
{{- end }}
{{- end }}
{{- end }}
{{- end -}}
