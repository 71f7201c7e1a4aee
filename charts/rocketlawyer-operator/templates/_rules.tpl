{{- /* All that the operator may do where it works: in the whole cluster or in each listed namespace. */ -}}
{{- define "operator.workRules" -}}
- apiGroups: [auth.rocketlawyer.com]
  resources: [rocketlawyercredentials, scopedtokenrequests]
  verbs: [get, list, watch]
- apiGroups: [auth.rocketlawyer.com]
  resources: [rocketlawyercredentials/status, scopedtokenrequests/status]
  verbs: [patch]
# ttlSecondsAfterFinished
- apiGroups: [auth.rocketlawyer.com]
  resources: [scopedtokenrequests]
  verbs: [delete]
# Reads client Secrets and writes managed ones, each write with the version it replaces. Never patch, never delete:
# the garbage collector removes what belongs to a deleted object.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch, create, update]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end }}

{{- /* Which namespaces a credential's selector chooses. */ -}}
{{- define "operator.namespaceRules" -}}
- apiGroups: [""]
  resources: [namespaces]
  verbs: [list, watch]
{{- end }}

{{- define "operator.kinds" -}}
apiGroups: [auth.rocketlawyer.com]
resources: [rocketlawyercredentials, scopedtokenrequests]
{{- end }}
