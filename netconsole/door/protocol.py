"""Protocol: what both ends of a door's socket say besides what they ask and answer."""

API = 1
"""Counted up when an older end would misunderstand a newer one."""

API_HEADER = "Netconsole-API"
VERSION_HEADER = "Netconsole-Version"

ONE_DOCUMENT = "application/json"
LINES = "application/x-ndjson"
"""One JSON document a line, each as soon as it is known."""

GREETING = "/v1/agent"
WATCH = "/v1/watch"
OPENAPI = "/v1/openapi.json"
PREVIEW, DO = "/v1/preview", "/v1/do"
PREVIEW_UNDO, UNDO = "/v1/preview_undo", "/v1/undo"
CONFIRM = "/v1/confirm"
