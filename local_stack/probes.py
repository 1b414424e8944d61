"""Is a component of the stack up? Each probe asks once and answers at once."""

import errno
import http.client
import json
import socket
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime

import psutil

from local_stack.config import HOST, PORTS, StackConfig, StackError, host_and_port

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


def answers(address: str) -> bool:
    """Tell whether connections are accepted at HOST:PORT."""
    try:
        with socket.create_connection(host_and_port(address) or ("", 0), timeout=_SECONDS):
            return True
    except OSError:
        return False


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


def check_ports_free(config: StackConfig, names: list[str]) -> None:
    """Check that nothing listens on the ports of the named servers.

    Raises:
        StackError: A port is taken; the line names it, its owner-to-be, the process where known, and the way out.
    """
    for name in names:
        number, port = config.ports[name], PORTS[name]
        with socket.socket() as server:
            # As the servers do: connections that linger in TIME_WAIT are no clash.
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                server.bind((HOST, number))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise StackError(
                        f"port {number} ({port.owner}) cannot be used ({error.strerror}): set {port.variable}"
                    ) from error
                pid = _listener(number)
                raise StackError(
                    f"port {number} ({port.owner}) is taken by another program{f' (pid {pid})' if pid else ''}: "
                    f"stop it or set {port.variable}"
                ) from error


def now() -> datetime:
    """Return the present time, UTC."""
    return datetime.now(UTC)


def _listener(port: int) -> int | None:
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:
        return None
    return next(
        (c.pid for c in connections if c.laddr and c.laddr.port == port and c.status == psutil.CONN_LISTEN), None
    )


def _read(url: str) -> bytes | None:
    try:
        with _DIRECT.open(url, timeout=_SECONDS) as response:
            content: bytes = response.read()
            return content
    except (OSError, http.client.HTTPException):
        return None
