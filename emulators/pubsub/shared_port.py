"""gRPC and HTTP/1.1 on one port, told apart by the first bytes of each connection.

A connection that begins with the preface of HTTP/2 (RFC 9113, 3.4) is joined to the gRPC server, which listens on a
socket of its own because it cannot take over an open connection; any other is given to an HTTP/1.1 protocol.
docs/decisions/0135 has what that costs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#: What is read goes at once, so all connections share it. A buffer for each read costs as much again as the rest.
_BUFFER = memoryview(bytearray(256 * 1024))


class FirstBytes(asyncio.Protocol):
    """A new connection, until its first bytes tell what it speaks.

    Args:
        grpc_socket: Path of the Unix socket on which the gRPC server listens.
        http_protocol: Makes the protocol of an HTTP/1.1 connection.
    """

    def __init__(self, grpc_socket: str, http_protocol: Callable[[], asyncio.Protocol]) -> None:
        self._grpc_socket = grpc_socket
        self._http_protocol = http_protocol
        self._received = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Hand the connection on as soon as the preface is complete, or cannot be one any more."""
        self._received += data
        if self._received.startswith(_PREFACE):
            self._transport.pause_reading()
            self._joining = asyncio.create_task(self._join())
        elif not _PREFACE.startswith(self._received):
            protocol = self._http_protocol()
            self._transport.set_protocol(protocol)
            protocol.connection_made(self._transport)
            protocol.data_received(self._received)

    async def _join(self) -> None:
        try:
            server, _ = await asyncio.get_running_loop().create_unix_connection(
                lambda: _Passing(self._transport), self._grpc_socket
            )
        except OSError:  # the gRPC server stops
            self._transport.close()
            return
        if self._transport.is_closing():
            server.close()
            return
        server.write(self._received)
        self._transport.set_protocol(_Passing(server))
        self._transport.resume_reading()


class _Passing(asyncio.BufferedProtocol):
    """Passes on what one connection receives to another, as fast as that takes it, and closes it at the end."""

    def __init__(self, to: asyncio.Transport) -> None:
        self._to = to

    def get_buffer(self, _: int) -> memoryview:
        return _BUFFER

    def buffer_updated(self, size: int) -> None:
        self._to.write(bytes(_BUFFER[:size]))  # a copy: the transport keeps what it cannot send yet

    def pause_writing(self) -> None:
        self._to.pause_reading()

    def resume_writing(self) -> None:
        self._to.resume_reading()

    def connection_lost(self, _: Exception | None) -> None:
        self._to.close()
