"""A connection is joined to the gRPC server as a whole: its bytes, its pace and its end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from emulators.pubsub.shared_port import FirstBytes

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
MEGABYTE = 1024 * 1024
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class NotAsked(asyncio.Protocol):
    def connection_made(self, _: asyncio.BaseTransport) -> None:
        raise AssertionError("HTTP/1.1 was asked")


@asynccontextmanager
async def joined(folder: Path, serve: Serve) -> AsyncIterator[Streams]:
    """A client's connection to a server that stands for gRPC's; it has sent the preface."""
    path = str(folder / "grpc.sock")
    server = await asyncio.start_unix_server(serve, path)
    port = await asyncio.get_running_loop().create_server(lambda: FirstBytes(path, NotAsked), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*port.sockets[0].getsockname())
    writer.write(PREFACE)
    try:
        yield reader, writer
    finally:
        writer.close()
        port.close()
        server.close()


def run(test: Awaitable[None]) -> None:
    asyncio.run(asyncio.wait_for(test, 60))  # type: ignore[arg-type]


def test_bytes_go_both_ways_and_the_servers_end_reaches_the_client(tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(len(PREFACE)) == PREFACE
        writer.write(await reader.readexactly(3 * MEGABYTE))
        writer.close()

    async def test() -> None:
        body = bytes(range(256)) * (3 * MEGABYTE // 256)
        async with joined(tmp_path, serve) as (reader, writer):
            writer.write(body)
            assert await reader.read() == body  # to the end of the stream

    run(test())


def test_the_clients_end_reaches_the_server(tmp_path: Path) -> None:
    async def test() -> None:
        received: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            received.set_result(await reader.read())
            writer.close()

        async with joined(tmp_path, serve) as (_, writer):
            writer.write(b"last words")
            writer.close()
            assert await received == PREFACE + b"last words"

    run(test())


def test_a_client_that_does_not_read_holds_the_server_up(tmp_path: Path) -> None:
    """Nothing between them takes up what a slow client has not read."""

    async def test() -> None:
        megabytes = 64
        sent = 0

        async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal sent
            for _ in range(megabytes):
                writer.write(b"x" * MEGABYTE)
                await writer.drain()
                sent += 1
            writer.close()

        async with joined(tmp_path, serve) as (reader, _):
            before = -1
            while sent != before:  # until it stands still
                before = sent
                await asyncio.sleep(0.3)
            assert sent < megabytes // 2
            assert len(await reader.read()) == megabytes * MEGABYTE

    run(test())


def test_a_client_is_sent_away_while_the_server_is_not_there(tmp_path: Path) -> None:
    async def test() -> None:
        port = await asyncio.get_running_loop().create_server(
            lambda: FirstBytes(str(tmp_path / "none"), NotAsked), "127.0.0.1", 0
        )
        reader, writer = await asyncio.open_connection(*port.sockets[0].getsockname())
        writer.write(PREFACE)
        assert await reader.read() == b""
        writer.close()
        port.close()

    run(test())
