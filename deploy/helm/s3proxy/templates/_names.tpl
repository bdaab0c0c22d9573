{{- define "s3proxy.labels" -}}
app.kubernetes.io/name: s3proxy
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* The port visitors use, named for what is spoken there. */}}
{{- define "s3proxy.sitePortName" -}}
{{- if .Values.tls.secretName }}https{{ else }}http{{ end }}
{{- end }}

{{- define "s3proxy.sitePort" -}}
{{- default (ternary 443 80 (not (empty .Values.tls.secretName))) .Values.service.port }}
{{- end }}

{{- /* Where everything under /_proxy/ is answered: the port of its own is in the clear, whatever the other one is. */}}
{{- define "s3proxy.adminPortName" -}}
{{- if .Values.env.ADMIN_PORT }}admin{{ else }}{{ include "s3proxy.sitePortName" . }}{{ end }}
{{- end }}

{{- define "s3proxy.adminScheme" -}}
{{- if eq (include "s3proxy.adminPortName" .) "https" }}HTTPS{{ else }}HTTP{{ end }}
{{- end }}

{{- /* An answer of the program's own, asked for by Kubernetes, which takes any certificate. */}}
{{- define "s3proxy.probe" -}}
httpGet: { path: {{ .path }}, port: {{ include "s3proxy.adminPortName" .root }}, scheme: {{ include "s3proxy.adminScheme" .root }} }
{{- end }}

{{- /* Where the certificate is in a pod. */}}
{{- define "s3proxy.tlsDirectory" -}}
/etc/s3proxy/tls
{{- end }}

{{- define "s3proxy.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default .Release.Name .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}
