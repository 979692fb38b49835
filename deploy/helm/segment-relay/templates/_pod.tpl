{{/* What the worker's pods and the pod of `helm test` have in common. */}}

{{- define "segment-relay.pod" -}}
serviceAccountName: {{ include "segment-relay.serviceAccount" . }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
volumes:
  - name: config
    configMap:
      name: {{ include "segment-relay.fullname" . }}
      items:
        - key: segment-relay.toml
          path: segment-relay.toml
  {{- with .Values.secret.name }}
  - name: secrets
    secret:
      secretName: {{ . }}
      defaultMode: 0440
  {{- end }}
  - name: tmp
    emptyDir:
      sizeLimit: 64Mi
{{- end -}}

{{- define "segment-relay.container" -}}
name: segment-relay
image: {{ include "segment-relay.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
# What the worker says before it ends with an error is then in `kubectl describe pod`.
terminationMessagePolicy: FallbackToLogsOnError
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
resources:
  {{- toYaml .Values.resources | nindent 2 }}
volumeMounts:
  - name: config
    mountPath: /etc/segment-relay
    readOnly: true
  {{- if .Values.secret.name }}
  # The whole Secret: a mount of single files would never see a new token.
  - name: secrets
    mountPath: /run/secrets/segment-relay
    readOnly: true
  {{- end }}
  - name: tmp
    mountPath: /tmp
{{- end -}}

{{/* The worker says no more than "not started" while it waits for Kafka, worker.start_timeout at most. */}}
{{- define "segment-relay.startProbes" -}}
{{- $waits := include "segment-relay.milliseconds" (.Values.config.worker.start_timeout | default "2m") | int64 -}}
{{- div (add $waits 30000) 2000 -}}
{{- end -}}
