{{- define "s3proxy.labels" -}}
app.kubernetes.io/name: s3proxy
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "s3proxy.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default .Release.Name .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}
