"""The guard before a web application."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any

from emulators.guard.errors import FORBIDDEN, forbidden
from emulators.guard.iam import Access, calling
from emulators.guard.rules import Guard

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Check = Callable[[str, MutableMapping[str, str]], str | None]
"""Takes a method and the headers by their names in lower case; returns why the request is refused."""
_TAKEN_BYTES, _TAKEN_SECONDS = 2**20, 2.0
"""What is taken of the body of a refused request."""


class GuardedApplication:
    """An ASGI application that answers 403 to what its guard refuses, and to every WebSocket.

    Args:
        application: Serves the rest, with the caller in `iam.CALLER`.
        guard: Decides first.
        check: Decides next, where the guard refuses nothing.
        access: Tells who calls.
    """

    def __init__(
        self, application: Application, guard: Guard, check: Check = lambda *_: None, *, access: Access | None = None
    ) -> None:
        self._application = application
        self._guard = guard
        self._check = check
        self._access = access or Access()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a connection."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope.get("headers", ())}
        reason = self._refusal(scope, headers) if scope["type"] == "http" else None
        if reason is None:
            with calling(self._access.caller(headers.get("authorization", ""))):
                await self._application(scope, receive, send)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(_TAKEN_SECONDS):
                await _take_body(receive)
        answered = [(b"content-type", b"application/json"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": FORBIDDEN, "headers": answered})
        await send({"type": "http.response.body", "body": forbidden(reason)})

    def _refusal(self, scope: Scope, headers: MutableMapping[str, str]) -> str | None:
        method, query = str(scope["method"]), scope["query_string"].decode("latin-1")
        target = f"{scope['path']}?{query}" if query else scope["path"]
        return self._guard.refusal(method, target, headers) or self._check(method, headers)


async def _take_body(receive: Receive) -> None:
    """Take a body, for a connection that is closed with unread bytes is reset, and its client loses the answer."""
    taken = 0
    while taken < _TAKEN_BYTES:
        event = await receive()
        taken += len(event.get("body", b""))
        if not event.get("more_body", False):
            return
