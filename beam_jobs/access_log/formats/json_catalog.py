"""The formats of JSON lines by name."""

from beam_jobs.access_log.formats.json_lines import JsonFormat, keys

JSON_FORMATS = (
    # Cloudflare Logpush, dataset HTTP requests: developers.cloudflare.com/logs/reference/log-fields/zone/http_requests.
    # Times are RFC 3339, or numbers of seconds or nanoseconds, as the job says. No field is the request's duration.
    JsonFormat(
        "cloudflare",
        (
            *keys("time", "EdgeStartTimestamp", group="time"),
            *keys("method", "ClientRequestMethod", group="request"),
            *keys("target", "ClientRequestURI", "ClientRequestPath", group="request"),
            *keys("protocol", "ClientRequestProtocol"),
            *keys("status", "EdgeResponseStatus", group="status"),
            *keys("body_bytes_sent", "EdgeResponseBodyBytes", "EdgeResponseBytes"),
            *keys("remote_addr", "ClientIP"),
            *keys("referer", "ClientRequestReferer"),
            *keys("user_agent", "ClientRequestUserAgent"),
            *keys("host", "ClientRequestHost"),
        ),
    ),
    # Fastly's documentation, "Useful log formats", JSON: www.fastly.com/documentation/guides/integrations/logging.
    JsonFormat(
        "fastly",
        (
            *keys("time", "timestamp", group="time"),
            *keys("method", "request_method", group="request"),
            *keys("url", "url", group="request"),
            *keys("protocol", "request_protocol"),
            *keys("status", "response_status", group="status"),
            *keys("body_bytes_sent", "response_body_size", group="fastly"),
            *keys("remote_addr", "client_ip"),
            *keys("referer", "request_referer"),
            *keys("user_agent", "request_user_agent", group="fastly"),
            *keys("host", "host"),
        ),
    ),
    # nginx has no JSON format of its own: the names of its variables are what people's `log_format x escape=json '{…}'`
    # have as keys, https://nginx.org/en/docs/http/ngx_http_core_module.html#variables and ngx_http_log_module, with
    # those of ingress-nginx's documentation and of recipes for Elasticsearch. A duration without a unit in its name is
    # $request_time, seconds with a fraction. Recipes have the server's own address in `host` where there is `domain`.
    JsonFormat(
        "nginx_json",
        (
            *keys(
                "time",
                "msec",
                "time_iso8601",
                "@timestamp",
                "timestamp",
                "time_local",
                "time",
                "datetime",
                group="time",
            ),
            *keys("request", "request", group="request"),
            *keys("method", "request_method", "method", "verb", group="request"),
            *keys("target", "request_uri", "uri", "path", group="request"),
            *keys("url", "url", group="request"),
            *keys("query", "args", "query_string", "request_query"),
            *keys("protocol", "server_protocol", "protocol", "request_proto"),
            *keys("status", "status", "response", "status_code", "response_status", "response_code", group="status"),
            *keys("body_bytes_sent", "body_bytes_sent", "bytes_sent", "bytes", "size", "response_size"),
            *keys("remote_addr", "remote_addr", "client_ip", "clientip", "remote_ip", "src_ip"),
            *keys("forwarded_for", "http_x_forwarded_for", "x_forwarded_for", "xff", "forwarded_for"),
            *keys("remote_user", "remote_user", "user"),
            *keys("referer", "http_referer", "http_referrer", "referer", "referrer"),
            *keys("user_agent", "http_user_agent", "user_agent", "agent", "useragent"),
            *keys("host", "domain", "vhost", "host", "http_host", "server_name"),
            *keys("duration_fraction_s", "request_time", "responsetime", "response_time", "duration"),
            *keys("duration_ms", "request_time_ms", "response_time_ms", "duration_ms"),
            *keys("sequence", "sequence", "seq"),
            *keys("connection_requests", "connection_requests"),
            *keys("connection", "connection"),
            *keys("sequence_source", "hostname"),
        ),
    ),
    # Caddy 2.5 and later, encoder `json`: https://caddyserver.com/docs/caddyfile/directives/log and the fields of
    # LoggableHTTPRequest in modules/caddyhttp/marshalers.go, with any `time_format`; a duration is of seconds with a
    # fraction, or a text (`duration_format string`). Other loggers of the same file are no access log.
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
            *keys("forwarded_for", "request.headers.X-Forwarded-For"),
            *keys("host", "request.host"),
            *keys("duration_fraction_s", "duration"),
        ),
    ),
    # Traefik 2 and 3, `accessLog.format: json`: https://doc.traefik.io/traefik/observability/access-logs/, table of
    # the fields; headers are there where `fields.headers` keeps them.
    JsonFormat(
        "traefik",
        (
            *keys("time", "StartUTC", "StartLocal", "time", group="time"),
            *keys("method", "RequestMethod", group="request"),
            *keys("target", "RequestPath", group="request"),
            *keys("protocol", "RequestProtocol"),
            *keys("status", "DownstreamStatus", "OriginStatus", group="status"),
            *keys("body_bytes_sent", "DownstreamContentSize"),
            *keys("remote_addr", "ClientHost"),
            *keys("remote_addr_port", "ClientAddr"),
            *keys("forwarded_for", "request_X-Forwarded-For"),
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
