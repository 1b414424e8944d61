"""Ports of this machine: whether they answer, are taken or are free."""

import contextlib
import errno
import secrets
import socket

import psutil

from local_stack.config import HOST, PORTS, StackConfig, StackError, host_and_port

_UNASSIGNED = range(10_100, 32_768)
"""Port numbers below those that systems give to programs that ask for any free one; browsers refuse none of them."""


def answers(address: str) -> bool:
    """Tell whether connections are accepted at HOST:PORT."""
    try:
        with socket.create_connection(host_and_port(address) or ("", 0), timeout=5):
            return True
    except OSError:
        return False


def check_ports_free(config: StackConfig, names: list[str]) -> None:
    """Check that nothing listens on the ports of the named servers.

    Raises:
        StackError: A port is taken; the line names it, its owner-to-be, the process where known, and the way out.
    """
    for name in names:
        number, port = config.ports[name], PORTS[name]
        with socket.socket() as server:
            # As the servers do: connections that linger in TIME_WAIT do not clash.
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


def free_ports(count: int) -> list[int]:
    """Return port numbers on which nothing listens now, all different, and which no other program gets by chance."""
    candidates = iter(secrets.SystemRandom().sample(_UNASSIGNED, len(_UNASSIGNED)))
    found: list[int] = []
    while len(found) < count:
        port = next(candidates)
        with socket.socket() as server, contextlib.suppress(OSError):
            server.bind((HOST, port))
            found.append(port)
    return found


def _listener(port: int) -> int | None:
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:
        return None
    return next(
        (c.pid for c in connections if c.laddr and c.laddr.port == port and c.status == psutil.CONN_LISTEN), None
    )
