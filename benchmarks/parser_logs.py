"""Logs for the parser's benchmark: lines in time order, their values drawn from Faker's pools."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from faker import Faker

FORMAT_STRING = (
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" '
    '"$http_user_agent" rt=$request_time host=$host'
)
"""A line that people write into their nginx.conf."""

W3C_FIELDS = (
    "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) "
    "sc-status sc-substatus sc-win32-status time-taken"
)
"""The fields that IIS writes where nobody says otherwise."""

_COMMON = '{remote_addr} - - [{time} +0000] "{request}" {status} {size}'
_COMBINED = _COMMON + ' "{referer}" "{user_agent}"'
_TEMPLATES = {
    "common": _COMMON,
    "combined": _COMBINED,
    "article": _COMBINED.replace(" +0000", "").replace("{status}", "[{status}]"),
    FORMAT_STRING: _COMBINED + " rt=0.{milliseconds} host=example.org",
    "nginx_main": _COMBINED + ' "203.0.113.7, 198.51.100.9"',
    "ingress_nginx": _COMBINED
    + " 512 0.{milliseconds} [default-web-80] [] 10.0.1.5:8080 {size} 0.{milliseconds} {status} 8f3a0c",
    "traefik_common": _COMBINED + ' 7 "web@docker" "http://10.0.1.5:8080" {milliseconds}ms',
    "host_combined": "example.org " + _COMBINED,
    "haproxy_http": "{remote_addr}:51944 [{time}.{milliseconds}] www~ app/app3 0/0/1/57/{milliseconds} "
    "{status} {size} - - ---- "
    '12/10/3/1/0 0/0 "{request}"',
    W3C_FIELDS: "{date} {clock} 10.0.1.5 {method} /index.html - 443 - {remote_addr} {agent_plus} {referer} "
    "{status} 0 0 {milliseconds}",
    "aws_elb": "{iso}.123456Z web {remote_addr}:2817 10.0.1.5:80 0.000073 0.{milliseconds} 0.000057 {status} "
    "{status} 0 {size} "
    '"{method} http://example.org:80{target} HTTP/1.1" "{user_agent}" - -',
    "aws_s3": "79a59df900b949e5 logs [{time} +0000] {remote_addr} arn:aws:iam::1:user/a 3E57427F3EXAMPLE "
    "REST.GET.OBJECT a.png "
    '"{request}" {status} - {size} {size} {milliseconds} 7 "{referer}" "{user_agent}" - s9lzHYrFp76ZVxRc SigV4 '
    "ECDHE-RSA-AES128-GCM-SHA256 AuthHeader logs.s3.example.org TLSv1.2 - -",
    "envoy": '[{iso}.123Z] "{request}" {status} - 0 {size} {milliseconds} 21 "{remote_addr}" "{user_agent}" "8f3a0c-1" '
    '"example.org" "10.0.1.5:8080"',
    "squid": "{epoch}.{milliseconds}    {milliseconds} {remote_addr} TCP_MISS/{status} {size} {method} "
    "http://example.org{target} - HIER_DIRECT/10.0.1.5 text/html",
}


FORMATS = (*_TEMPLATES, "nginx_json", "caddy")
"""What `make_log` writes."""


def make_log(name: str, lines: int, seed: int = 20150517) -> bytes:
    """Write lines of one of `FORMATS`.

    The same seed gives the same bytes.
    """
    columns = _columns(lines, seed)
    template = _TEMPLATES[name] if name in _TEMPLATES else _json_template(name)
    names = list(columns)
    for placeholder in names:
        template = template.replace("{" + placeholder + "}", "\0" + placeholder + "\0")
    pieces = template.split("\0")
    literals, used = pieces[::2], pieces[1::2]
    pattern = "%s".join(literal.replace("%", "%%") for literal in literals) + "\n"
    return "".join([pattern % values for values in zip(*(columns[one] for one in used), strict=True)]).encode()


def cut_blocks(log: bytes, block_bytes: int = 8 << 20) -> Iterator[bytes]:
    """Cut a log at line ends into blocks of about `block_bytes`."""
    start = 0
    while start < len(log):
        end = log.find(b"\n", min(start + block_bytes, len(log) - 1)) + 1
        yield log[start:end]
        start = end


def _columns(lines: int, seed: int) -> dict[str, list[Any]]:
    faker = Faker()
    Faker.seed(seed)
    chance = random.Random(seed)
    addresses = [faker.ipv4() for _ in range(15_000)]
    targets = [
        f"/{faker.uri_path(2)}{query}"
        for query in chance.choices(("", "", "?page=2", "?q=access+log&lang=en"), k=2_000)
    ]
    requests = [(chance.choice(("GET", "GET", "GET", "POST", "PUT")), target) for target in targets]
    referers = [faker.uri() for _ in range(2_000)]
    user_agents = [faker.user_agent() for _ in range(1_000)]
    start = datetime(2015, 5, 17, tzinfo=UTC)
    seconds = [line * 86_400 // lines for line in range(lines)]
    clock = [f"{start + timedelta(seconds=second):%d/%b/%Y:%H:%M:%S}" for second in range(86_400)]
    iso = [f"{start + timedelta(seconds=second):%Y-%m-%dT%H:%M:%S}" for second in range(86_400)]
    people = list(zip(chance.choices(addresses, k=20_000), chance.choices(user_agents, k=20_000), strict=True))
    visitors = chance.choices(people, k=lines)
    drawn = chance.choices(requests, k=lines)
    return {
        "remote_addr": [address for address, _ in visitors],
        "time": [clock[second] for second in seconds],
        "iso": [iso[second] for second in seconds],
        "date": [iso[second][:10] for second in seconds],
        "clock": [iso[second][11:] for second in seconds],
        "epoch": [int(start.timestamp()) + second for second in seconds],
        "request": [f"{method} {target} HTTP/1.1" for method, target in drawn],
        "method": [method for method, _ in drawn],
        "target": [target for _, target in drawn],
        "status": chance.choices((200, 401, 404), (0.9, 0.05, 0.05), k=lines),
        "size": chance.choices(range(5, 100_000), k=lines),
        "referer": chance.choices(referers, k=lines),
        "user_agent": [user_agent for _, user_agent in visitors],
        "agent_plus": [user_agent.replace(" ", "+") for _, user_agent in visitors],
        "milliseconds": chance.choices(range(100, 1_000), k=lines),
    }


def _json_template(name: str) -> str:
    if name == "nginx_json":
        document: dict[str, Any] = {
            "time_iso8601": "{iso}+00:00",
            "remote_addr": "{remote_addr}",
            "remote_user": "",
            "request": "{request}",
            "status": "{status}",
            "body_bytes_sent": "{size}",
            "http_referer": "{referer}",
            "http_user_agent": "{user_agent}",
            "request_time": "0.{milliseconds}",
        }
    else:
        request = {
            "remote_ip": "{remote_addr}",
            "remote_port": "41342",
            "client_ip": "{remote_addr}",
            "proto": "HTTP/2.0",
            "method": "{method}",
            "host": "example.org",
            "uri": "{target}",
            "headers": {"User-Agent": ["{user_agent}"], "Accept": ["*/*"], "Referer": ["{referer}"]},
            "tls": {
                "resumed": False,
                "version": 772,
                "cipher_suite": 4865,
                "proto": "h2",
                "server_name": "example.org",
            },
        }
        document = {
            "level": "info",
            "ts": "{epoch}.123",
            "logger": "http.log.access",
            "msg": "handled request",
            "request": request,
            "bytes_read": 0,
            "user_id": "",
            "duration": "0.{milliseconds}",
            "size": "{size}",
            "status": "{status}",
            "resp_headers": {"Server": ["Caddy"], "Content-Type": ["text/html"]},
        }
    text = json.dumps(document, separators=(",", ":"))
    if name == "caddy":
        for number in ("{epoch}.123", "0.{milliseconds}", "{size}", "{status}"):
            text = text.replace(f'"{number}"', number)
    return text
