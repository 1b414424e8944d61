"""The formats of JSON lines by name."""

from beam_jobs.access_log.formats.json_lines import JsonFormat, keys

JSON_FORMATS = (
    # nginx has no JSON format of its own: the names of its variables are what people's `log_format x escape=json '{…}'`
    # have as keys, https://nginx.org/en/docs/http/ngx_http_core_module.html#variables and ngx_http_log_module, with a
    # few other names that are often seen.
    JsonFormat(
        "nginx_json",
        (
            *keys("time", "msec", "time_iso8601", "@timestamp", "timestamp", "time_local", "time", group="time"),
            *keys("request", "request", group="request"),
            *keys("method", "request_method", "method", group="request"),
            *keys("target", "request_uri", "uri", "path", group="request"),
            *keys("query", "args", "query_string"),
            *keys("protocol", "server_protocol", "protocol"),
            *keys("status", "status", group="status"),
            *keys("body_bytes_sent", "body_bytes_sent", "bytes_sent", "bytes"),
            *keys("remote_addr", "remote_addr", "client_ip", "remote_ip"),
            *keys("remote_user", "remote_user"),
            *keys("referer", "http_referer", "http_referrer", "referer", "referrer"),
            *keys("user_agent", "http_user_agent", "user_agent", "agent"),
            *keys("host", "host", "http_host", "server_name"),
            *keys("duration_s", "request_time"),
        ),
    ),
    # Caddy 2.5 and later, encoder `json`: https://caddyserver.com/docs/caddyfile/directives/log and the fields of
    # LoggableHTTPRequest in modules/caddyhttp/marshalers.go. Other loggers of the same file are not access logs.
    JsonFormat(
        "caddy",
        (
            *keys("time", "ts", group="time"),
            *keys("method", "request.method", group="request"),
            *keys("target", "request.uri", group="request"),
            *keys("protocol", "request.proto"),
            *keys("status", "status", group="status"),
            *keys("body_bytes_sent", "size"),
            *keys("remote_addr", "request.client_ip", "request.remote_ip"),
            *keys("remote_user", "user_id"),
            *keys("referer", "request.headers.Referer"),
            *keys("user_agent", "request.headers.User-Agent"),
            *keys("host", "request.host"),
            *keys("duration_s", "duration"),
        ),
    ),
    # Traefik 2 and 3, `accessLog.format: json`: https://doc.traefik.io/traefik/observability/access-logs/, table of
    # the fields; headers are there where `fields.headers` keeps them.
    JsonFormat(
        "traefik",
        (
            *keys("time", "StartUTC", "time", group="time"),
            *keys("method", "RequestMethod", group="request"),
            *keys("target", "RequestPath", group="request"),
            *keys("protocol", "RequestProtocol"),
            *keys("status", "DownstreamStatus", "OriginStatus", group="status"),
            *keys("body_bytes_sent", "DownstreamContentSize"),
            *keys("remote_addr", "ClientHost"),
            *keys("remote_user", "ClientUsername"),
            *keys("referer", "request_Referer"),
            *keys("user_agent", "request_User-Agent"),
            *keys("host", "RequestHost"),
            *keys("duration_ns", "Duration"),
        ),
    ),
    # Entries of Cloud Logging as its sinks export them, with the HttpRequest of Google Cloud's load balancers:
    # https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry#httprequest and
    # https://cloud.google.com/load-balancing/docs/https/https-logging-monitoring.
    JsonFormat(
        "cloud_load_balancing",
        (
            *keys("time", "timestamp", group="time"),
            *keys("method", "httpRequest.requestMethod", group="request"),
            *keys("url", "httpRequest.requestUrl", group="request"),
            *keys("protocol", "httpRequest.protocol"),
            # Absent where a client left before there was one.
            *keys("status", "httpRequest.status"),
            *keys("body_bytes_sent", "httpRequest.responseSize"),
            *keys("remote_addr", "httpRequest.remoteIp"),
            *keys("referer", "httpRequest.referer"),
            *keys("user_agent", "httpRequest.userAgent"),
            *keys("duration_s", "httpRequest.latency"),
        ),
    ),
)
"""Tied files are those of the format listed first."""
