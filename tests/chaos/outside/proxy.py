"""A proxy on loopback before each server of a stack. Its links can be slow, be cut, or swallow what they are given."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine, Iterator, Mapping
from typing import Any, Self

from local_stack.config import HOST

PASS = "pass"
DELAY = "delay"
"""Every piece of data is late."""
RESET = "reset"
"""Open connections are reset, and so is every new one."""
BLACK_HOLE = "black hole"
"""Nothing goes through and nothing is closed; afterwards all of it arrives, as TCP would send it again."""
HALF_CLOSED = "half-closed"
"""The server has hung up, and its clients are not told until the end, when they are reset."""
LOST_ANSWERS = "lost answers"
"""Requests arrive, and the connection is reset before the answer."""
FAULTS = (DELAY, RESET, BLACK_HOLE, HALF_CLOSED, LOST_ANSWERS)

DELAY_SECONDS = 0.4
_CHUNK = 1 << 16


class Link:
    """The way to one server.

    Attributes:
        port: Where clients connect.
    """

    def __init__(self, server_port: int) -> None:
        self.port = 0
        self._server_port = server_port
        self._mode = PASS
        self._is_over = asyncio.Event()
        self._is_over.set()
        self._clients: set[asyncio.StreamWriter] = set()
        self._servers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def listen(self) -> None:
        """Accept clients from now on."""
        self._server = await asyncio.start_server(self._accept, HOST, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Accept nobody any more, and reset every connection."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def begin(self, mode: str) -> None:
        """Let the link have a fault."""
        self._mode = mode
        self._is_over.clear()
        if mode == RESET:
            _reset(self._clients | self._servers)
        elif mode == HALF_CLOSED:
            _reset(self._servers)

    def end(self) -> None:
        """Let the link be well again."""
        if self._mode == HALF_CLOSED:
            _reset(self._clients)
        self._mode = PASS
        self._is_over.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._clients.add(writer)
        server: asyncio.StreamWriter | None = None
        try:
            if self._mode in (BLACK_HOLE, HALF_CLOSED):
                await self._is_over.wait()
            if self._mode == RESET or writer.is_closing():
                return
            from_server, server = await asyncio.open_connection(HOST, self._server_port)
            self._servers.add(server)
            await _until_one_fails(self._forward(reader, server), self._answer(from_server, writer))
        except OSError:  # the server does not listen
            pass
        finally:
            self._clients.discard(writer)
            if server is not None:
                self._servers.discard(server)
                _reset({server})
            try:
                if self._mode == HALF_CLOSED:
                    await self._is_over.wait()
            finally:
                _reset({writer})
                self._tasks.discard(task)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_CHUNK):
            await self._pass_on(data, writer)
        if writer.can_write_eof():
            writer.write_eof()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_CHUNK):
            if self._mode == LOST_ANSWERS:
                raise ConnectionResetError
            await self._pass_on(data, writer)
        if self._mode == HALF_CLOSED:
            raise ConnectionResetError
        # A server that has closed its side has nothing more to say, and none of these reads on.
        await writer.drain()
        writer.close()

    async def _pass_on(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        if self._mode == DELAY:
            await asyncio.sleep(DELAY_SECONDS)
        elif self._mode == BLACK_HOLE:
            await self._is_over.wait()
        writer.write(data)
        await writer.drain()


class Proxies:
    """All links, in a thread of their own.

    Args:
        ports: Port by name of each server.

    Attributes:
        entrances: Port by name where clients connect instead.
    """

    def __init__(self, ports: Mapping[str, int]) -> None:
        self.entrances: dict[str, int] = {}
        self._ports = ports
        self._links: dict[str, Link] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def begin(self, name: str, mode: str) -> None:
        """Let a link have a fault."""
        self._loop.call_soon_threadsafe(self._links[name].begin, mode)

    def end(self, name: str) -> None:
        """Let a link be well again."""
        self._loop.call_soon_threadsafe(self._links[name].end)

    @contextlib.contextmanager
    def fault(self, name: str, mode: str) -> Iterator[None]:
        """Let a link have a fault until the block ends."""
        self.begin(name, mode)
        try:
            yield
        finally:
            self.end(name)

    async def _listen(self) -> None:
        for name, port in self._ports.items():
            self._links[name] = Link(port)
            await self._links[name].listen()
            self.entrances[name] = self._links[name].port

    async def _close(self) -> None:
        for link in self._links.values():
            await link.close()


async def _until_one_fails(*directions: Coroutine[Any, Any, None]) -> None:
    """Let both directions go on until both have ended, or one is broken."""
    tasks = [asyncio.create_task(direction) for direction in directions]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _reset(writers: set[asyncio.StreamWriter]) -> None:
    """Close connections without a goodbye."""
    for writer in tuple(writers):
        opened: socket.socket | None = writer.get_extra_info("socket")
        if opened is not None and not writer.is_closing():
            with contextlib.suppress(OSError):
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
