{{- define "s3proxy.labels" -}}
app.kubernetes.io/name: s3proxy
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* Where everything under /_proxy/ is answered. */}}
{{- define "s3proxy.adminPortName" -}}
{{- if .Values.env.ADMIN_PORT }}admin{{ else }}http{{ end }}
{{- end }}

{{- define "s3proxy.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default .Release.Name .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}
