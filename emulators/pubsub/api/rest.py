"""The REST API, v1: every unary method, transcoded by the HTTP rules; JSON as protobuf defines it.

cf. https://google.aip.dev/127 and https://protobuf.dev/programming-guides/json, read 2026-11.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import grpc
from google.api_core.exceptions import exception_class_for_grpc_status
from google.protobuf import json_format

from emulators.guard.asgi import GuardedApplication, Receive, Scope, Send
from emulators.guard.iam import Access
from emulators.guard.rules import Guard
from emulators.pubsub.api.http_rules import WHOLE_BODY, Router, Rule
from emulators.pubsub.api.json_body import parse_json
from emulators.pubsub.api.methods import Method
from emulators.pubsub.errors import PubsubError, invalid, unsupported_method
from emulators.pubsub.wire import Message

_MAX_BODY_BYTES = 32 * 1024 * 1024
#: Query parameters of every Google API (https://cloud.google.com/apis/docs/system-parameters, read 2026-11).
_SYSTEM_PARAMETERS = frozenset(
    {
        *("$.xgafv", "$alt", "access_token", "alt", "callback", "fields", "key", "oauth_token", "prettyPrint"),
        *("quotaUser", "uploadType", "upload_protocol"),
    }
)
#: Google's generated REST clients ask for numbers in place of the names of enums.
_ENUM_NUMBERS = ("$alt", "json;enum-encoding=int")


def application(methods: Mapping[str, Method], guard: Guard, access: Access) -> GuardedApplication:
    """Return the web application.

    Args:
        methods: By their full names.
        guard: Is asked first.
        access: Tells who calls.
    """
    return GuardedApplication(_Application(methods), guard, access=access)


class _Application:
    def __init__(self, methods: Mapping[str, Method]) -> None:
        self._methods = methods
        self._router = Router()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await _read(receive)
            status, answer = 200, await self._answer(scope, body, receive)
        except PubsubError as error:
            status, answer = _http_status(error.code), _error(error)
        except _DisconnectedError:
            return
        content = json.dumps(answer).encode()
        headers = [(b"content-type", b"application/json; charset=UTF-8"), (b"content-length", b"%d" % len(content))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _answer(self, scope: Scope, body: bytes, receive: Receive) -> dict[str, Any]:
        path = scope["raw_path"].decode("latin-1")
        found = self._router.find(scope["method"], path)
        if found is None:
            raise PubsubError(
                grpc.StatusCode.NOT_FOUND, f"Pub/Sub's REST API has no method {scope['method']} {path[:200]}."
            )
        rule, in_path = found
        method = self._methods.get(rule.method)
        if method is None:
            raise unsupported_method(rule.method)
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        request = _transcoded(method.request_type(), rule, in_path, query, body)
        response = await _unless_disconnected(method.answer(request), receive)
        answer: dict[str, Any] = json_format.MessageToDict(response, use_integers_for_enums=_ENUM_NUMBERS in query)
        return answer


class _DisconnectedError(Exception):
    """The client has gone: nobody reads the answer."""


async def _read(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise _DisconnectedError
        body += event.get("body", b"")
        if len(body) > _MAX_BODY_BYTES:
            raise invalid(f"Request payload size exceeds the limit: {_MAX_BODY_BYTES} bytes.")
        if not event.get("more_body", False):
            return bytes(body)


async def _unless_disconnected(answer: Awaitable[Message], receive: Receive) -> Message:
    """Return the answer; cancel it when the client goes, so that a waiting Pull takes no message for nobody."""

    async def disconnection() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    answering, watching = asyncio.ensure_future(answer), asyncio.create_task(disconnection())
    try:
        await asyncio.wait([answering, watching], return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            raise _DisconnectedError
        return answering.result()
    finally:
        answering.cancel()
        watching.cancel()


def _transcoded(
    request: Message, rule: Rule, in_path: Mapping[str, str], query: list[tuple[str, str]], body: bytes
) -> Message:
    """Fill a request from the parts of an HTTP request.

    Raises:
        PubsubError: INVALID_ARGUMENT.
    """
    given = {name: value for name, value in query if name not in _SYSTEM_PARAMETERS}
    try:
        if rule.body == WHOLE_BODY and given:
            raise json_format.ParseError(f"Unknown name {next(iter(given))!r}: Cannot bind query parameter.")
        json_format.ParseDict(given, request)
        if rule.body and body:
            parse_json(body, request if rule.body == WHOLE_BODY else getattr(request, rule.body))
    except (json_format.ParseError, ValueError, RecursionError) as error:
        raise invalid(f"Invalid JSON payload received. {' '.join(str(error).split())}") from None
    for field, value in in_path.items():
        *parents, name = field.split(".")
        owner = request
        for parent in parents:
            owner = getattr(owner, parent)
        setattr(owner, name, value)
    return request


def _http_status(code: grpc.StatusCode) -> int:
    return int(exception_class_for_grpc_status(code).code)  # type: ignore[no-untyped-call]


def _error(error: PubsubError) -> dict[str, Any]:
    """Return the body of an error, cf. https://google.aip.dev/193#http11json-representation."""
    answer = {"code": _http_status(error.code), "message": error.message, "status": error.code.name}
    if details := json_format.MessageToDict(error.status()).get("details"):
        answer["details"] = details
    return {"error": answer}
