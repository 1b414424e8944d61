"""Probes that tell whether a component of the stack is up: each asks once and answers at once."""

import http.client
import json
import socket
import urllib.request
from collections.abc import Callable
from datetime import datetime

from local_stack.config import HOST, StackConfig

Probe = Callable[[datetime], bool]
"""Asked with the time when the process was started."""

_SECONDS = 5.0
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def http_ok(url: str) -> Probe:
    """Return a probe that wants status 200 from a URL."""

    def probe(_: datetime) -> bool:
        return _read(url) is not None

    return probe


def listens(*ports: int) -> Probe:
    """Return a probe that wants connections accepted on all these ports."""

    def probe(_: datetime) -> bool:
        for port in ports:
            with socket.socket() as client:
                client.settimeout(_SECONDS)
                if client.connect_ex((HOST, port)) != 0:
                    return False
        return True

    return probe


def both(first: Probe, second: Probe) -> Probe:
    """Return a probe that wants what two probes want."""

    def probe(started: datetime) -> bool:
        return first(started) and second(started)

    return probe


def airflow_reports(config: StackConfig, component: str) -> Probe:
    """Return a probe that wants Airflow's own health report to show a component's heartbeat since its start.

    Args:
        config: The stack.
        component: Name in the report: scheduler, triggerer or dag_processor.
    """

    def probe(started: datetime) -> bool:
        report = json.loads(_read(f"{config.airflow_url}/api/v2/monitor/health") or "{}").get(component) or {}
        heartbeat = report.get(f"latest_{component}_heartbeat")
        if report.get("status") != "healthy" or not heartbeat:
            return False
        return datetime.fromisoformat(heartbeat) >= started

    return probe


def _read(url: str) -> bytes | None:
    try:
        with _DIRECT.open(url, timeout=_SECONDS) as response:
            content: bytes = response.read()
            return content
    except (OSError, http.client.HTTPException):
        return None
