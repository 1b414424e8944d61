"""The formats of text lines by name; the most specific first, for of several that fit a line the first is taken."""

from beam_jobs.access_log.formats.template import TemplateFormat

COMMON = '{remote_addr} {ident} {remote_user} [{time}] "{request}" {status} {body_bytes_sent}'
COMBINED = COMMON + ' "{referer}" "{user_agent}"'
_BEHIND_THE_ADDRESS = COMMON.removeprefix("{remote_addr}")
_COMBINED_BEHIND_THE_ADDRESS = COMBINED.removeprefix("{remote_addr}")
# ingress-nginx before 0.26 writes `$the_real_ip - [$the_real_ip] - $remote_user [$time_local] ...`.
_INGRESS_BEFORE_0_26 = '{remote_addr} - [{skipped}] - {remote_user} [{time}] "{request}" {status} {body_bytes_sent} '
_INGRESS_BEFORE_0_26 += '"{referer}" "{user_agent}" {number} {duration_fraction_s} [{skipped}] '
_INGRESS_SERVERS = "{upstream} {upstream} {upstream} {upstream} {word}"
_HAPROXY_ENDS = ' {skipped} {skipped} {skipped} {skipped} {skipped} "{request}"'
_HAPROXY_BEGINS = "{remote_addr_port} [{time}] {word} {skipped} {skipped}/{skipped}/{skipped}/{skipped}/"
_HAPROXY = _HAPROXY_BEGINS + "{duration_ms} {status} {body_bytes_sent}" + _HAPROXY_ENDS
_ENVOY = '[{time_iso8601}] "{request}" {status} {value} '
_ENVOY_COUNTS = "{number} {body_bytes_sent} {duration_ms} {value} "
_ISTIO = _ENVOY_COUNTS + '"{forwarded_for}" "{user_agent}" "{skipped}" "{host}" "{skipped}" {value} {value} {value} '
_ISTIO += "{remote_addr_port} {value} {value}"
_PROXY_MANAGER = '{status} - {method} {word} {host} "{target}" [Client {remote_addr}] [Length {body_bytes_sent}] '
_S3_BEGINS = "{skipped} {skipped} [{time}] {remote_addr} {skipped} {skipped} {word} {skipped} "
_S3_COUNTS = " {status} {word} {body_bytes_sent} {number} {duration_ms} {number} "
_S3 = _S3_BEGINS + '"{request}"' + _S3_COUNTS + '"{referer}" "{user_agent}" '
_S3_ENDS = "{skipped} {skipped} {skipped} {skipped} {skipped} {host} {rest}"
_ELB = (
    "{time_iso8601} {word} {remote_addr_port} {skipped} {duration_part_s} {duration_part_s} {duration_part_s} "
    '{status} {skipped} {number} {body_bytes_sent} "{request_url}"'
)
_CLOUDFRONT = (
    "{date}\t{clock}\t{skipped}\t{body_bytes_sent}\t{remote_addr}\t{method}\t{skipped}\t{path}\t{status}\t"
    "{referer_encoded}\t{user_agent_encoded}\t{query}\t{skipped}\t{skipped}\t{skipped}\t{host}\t{skipped}\t"
    "{skipped}\t{duration_s}\t{skipped}\t{skipped}\t{skipped}\t{ident}"
)

TEXT_FORMATS = (
    # `LogFormat "%v:%p %h %l %u %t \"%r\" %>s %O \"%{Referer}i\" \"%{User-Agent}i\"" vhost_combined` in Debian's
    # apache2.conf.
    TemplateFormat("vhost_combined", "{host_port} " + COMBINED),
    # Both servers' predefined format of this name: `LogFormat "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\"
    # \"%{User-agent}i\""` in Apache's httpd.conf, `combined` in ngx_http_log_module.
    TemplateFormat("combined", COMBINED),
    # Apache's `LogFormat "%h %l %u %t \"%r\" %>s %b" common`, the format of the NCSA httpd.
    TemplateFormat("common", COMMON),
    # The line of the article that this project takes up: combined with the status in brackets.
    TemplateFormat(
        "article",
        '{remote_addr} {ident} {remote_user} [{time}] "{request}" [{status}] {body_bytes_sent} '
        '"{referer}" "{user_agent}"',
    ),
    # `log_format main` in the nginx.conf of nginx.org's packages and image.
    TemplateFormat("nginx_main", COMBINED + ' "{forwarded_for}"'),
    # ngx_http_log_module's documentation, `log_format compression`.
    TemplateFormat("nginx_compression", COMBINED + ' "{ratio}"'),
    # nginx's combined with `$request_time` at its end, alone or in the ways of F5's and NGINX Amplify's guides.
    TemplateFormat("nginx_request_time", COMBINED + " {duration_fraction_s}"),
    TemplateFormat("nginx_rt", COMBINED + " rt={duration_fraction_s} {rest}"),
    TemplateFormat("nginx_main_rt", COMBINED + ' "{forwarded_for}" rt={duration_fraction_s} {rest}'),
    TemplateFormat(
        "nginx_amplify", COMBINED + ' "{forwarded_for}" "{host}" sn="{skipped}" rt={duration_fraction_s} {rest}'
    ),
    TemplateFormat("combined_x_forwarded_for", COMBINED + ' X-Forwarded-For="{forwarded_for}"'),
    # Apache's combined with %D, microseconds, or %T, seconds, at its end: numbers that no detection can tell apart.
    TemplateFormat("combined_us", COMBINED + " {duration_us}", is_detected=False),
    TemplateFormat("combined_s", COMBINED + " {duration_s}", is_detected=False),
    # nginx's combined with `$request_time $upstream_response_time $host` at its end.
    TemplateFormat("nginx_timed", COMBINED + " {duration_fraction_s} {upstream_times} {virtual_host}"),
    # Apache's httpd.conf: combined with mod_logio's %I and %O, bytes with headers.
    TemplateFormat("combinedio", COMBINED + " {number} {number}"),
    # ingress-nginx user guide, "Log format": upstreaminfo since 0.26, with the alternative upstream since 0.21.
    TemplateFormat(
        "ingress_nginx", COMBINED + " {number} {duration_fraction_s} [{skipped}] [{skipped}] " + _INGRESS_SERVERS
    ),
    TemplateFormat("ingress_nginx_0_25", _INGRESS_BEFORE_0_26 + "[{skipped}] " + _INGRESS_SERVERS),
    TemplateFormat("ingress_nginx_0_20", _INGRESS_BEFORE_0_26 + _INGRESS_SERVERS),
    # Traefik 2 and 3, `accessLog.format: common`, the default: doc.traefik.io/traefik/observability/access-logs/.
    TemplateFormat("traefik_common", COMBINED + ' {number} "{skipped}" "{skipped}" {duration_ms}ms'),
    # HAProxy 2.8 configuration manual, 8.2.3 HTTP, 8.2.4 HTTPS, 8.2.6 (CLF); quotes are written as #22.
    TemplateFormat("haproxy_http", _HAPROXY, escapes=False),
    # `option logasap`: the duration and the bytes are those so far, which no column takes.
    TemplateFormat("haproxy_logasap", _HAPROXY_BEGINS + "+{number} {status} +{number}" + _HAPROXY_ENDS, escapes=False),
    TemplateFormat(
        "haproxy_https", _HAPROXY + " {skipped}/{skipped}/{skipped}/{skipped}/{skipped} {word}", escapes=False
    ),
    TemplateFormat(
        "haproxy_clf",
        COMBINED + ' {number} {number} "{skipped}" "{skipped}" "{skipped}" {skipped} {skipped} {skipped} {skipped} '
        '{duration_ms} "{skipped}" {rest}',
        escapes=False,
    ),
    # Apache's manual, mod_log_config: "Common Log Format with Virtual Host"; and combined in the same way. With an
    # identity they would read a line of combined whose user has two names.
    TemplateFormat("host_combined", "{host_name} " + COMBINED.replace("{ident}", "-")),
    TemplateFormat("host_common", "{host_name} " + COMMON.replace("{ident}", "-")),
    # %{X-Forwarded-For}i or $http_x_forwarded_for in place of the address.
    TemplateFormat("forwarded_combined", "{client_list}" + _COMBINED_BEHIND_THE_ADDRESS),
    TemplateFormat("forwarded_common", "{client_list}" + _BEHIND_THE_ADDRESS),
    # Elastic Load Balancing User Guide, "Access logs for your Application Load Balancer", entries in order: what
    # follows user_agent is not kept, and later versions add fields at the end.
    TemplateFormat(
        "aws_alb",
        "{value} {time_iso8601} {value} {remote_addr_port} {value} {duration_part_s} {duration_part_s} "
        '{duration_part_s} {status} {skipped} {skipped} {body_bytes_sent} "{request_url}" "{user_agent}" {rest}',
    ),
    # User Guide for Classic Load Balancers, "Access logs for your Classic Load Balancer"; until 2015 the request was
    # the last field.
    TemplateFormat("aws_elb", _ELB + ' "{user_agent}" {rest}'),
    TemplateFormat("aws_elb_2014", _ELB),
    # Amazon S3 User Guide, "Amazon S3 server access log format"; until 2019 the version id was the last field. What S3
    # does by itself for a request, such as deleting many objects, has no request and no headers.
    TemplateFormat("aws_s3", _S3 + _S3_ENDS),
    TemplateFormat("aws_s3_2018", _S3 + "{word}"),
    TemplateFormat("aws_s3_batch", _S3_BEGINS + "-" + _S3_COUNTS + "- - " + _S3_ENDS),
    # Amazon CloudFront Developer Guide, "Standard log file fields", version 1.0; lines of `#Version` and `#Fields`
    # begin a file. x-host-header is the host, cs(Host) the distribution's own name. Until 2017 and 2016 there were
    # fewer fields.
    TemplateFormat("aws_cloudfront", _CLOUDFRONT + "\t{protocol}\t{rest}", comment=b"#", escapes=False),
    TemplateFormat("aws_cloudfront_2017", _CLOUDFRONT + "\t{protocol}", comment=b"#", escapes=False),
    TemplateFormat("aws_cloudfront_2016", _CLOUDFRONT, comment=b"#", escapes=False),
    # Envoy 1.31, "Access logging", default format: its address is that of X-Forwarded-For, which clients can forge.
    TemplateFormat(
        "envoy",
        _ENVOY + _ENVOY_COUNTS + '"{client_list}" "{user_agent}" "{skipped}" "{host}" "{skipped}"',
        escapes=False,
    ),
    # Istio 1.9 and later, "Envoy Access Logs", "Default access log format"; then the formats of 1.6 and of 1.5.
    TemplateFormat("istio", _ENVOY + '{value} {value} "{skipped}" ' + _ISTIO, escapes=False),
    TemplateFormat("istio_1_6", _ENVOY + '"{skipped}" "{skipped}" ' + _ISTIO, escapes=False),
    TemplateFormat("istio_1_5", _ENVOY + '"{skipped}" ' + _ISTIO, escapes=False),
    # Squid 6, logformat directive, predefined format `squid`.
    TemplateFormat(
        "squid",
        "{time_epoch_s} {duration_padded_ms} {remote_addr} {word}/{status} {body_bytes_sent} {method} {url} "
        "{remote_user} {word}/{word} {word}",
        escapes=False,
    ),
    # Nginx Proxy Manager 2, docker/rootfs/etc/nginx/conf.d/include/log.conf: formats `proxy` and `standard`.
    TemplateFormat(
        "nginx_proxy_manager",
        "[{time}] {skipped} {upstream} "
        + _PROXY_MANAGER
        + '[Gzip {skipped}] [Sent-to {skipped}] "{user_agent}" "{referer}"',
    ),
    TemplateFormat(
        "nginx_proxy_manager_standard", "[{time}] " + _PROXY_MANAGER + '[Gzip {skipped}] "{user_agent}" "{referer}"'
    ),
    # Either with further fields behind: what these are nobody says, so no column takes them.
    TemplateFormat("combined_and_more", COMBINED + " {rest}"),
    TemplateFormat("common_and_more", COMMON + " {tail}"),
)

UNREAD_TAIL = frozenset(("combined_and_more", "common_and_more"))
"""Formats with fields at the end of the line that are not read."""
