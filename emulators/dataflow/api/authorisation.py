"""Who may launch, update and end jobs: callers with the token, which starts and ends processes of this machine.

Looking at jobs takes none: Airflow's UI links to a job, and a browser that follows the link has no token.
"""

from collections.abc import Callable
from typing import Any

import grpc

from emulators.guard.token import Token

_LOOKING = frozenset({"GET", "HEAD"})
# Standard methods that change nothing, https://google.aip.dev/131 and 132; and the list over all locations.
_LOOKING_CALLS = ("Get", "List", "AggregatedList")
_REFUSAL = (
    "Launching, updating and ending jobs takes the emulator's token: send Authorization: Bearer with the value of "
    "DATAFLOW_EMULATOR_TOKEN."
)


def refusal_of_rest(method: str, authorization: str, token: Token) -> str | None:
    """Return why a REST request is refused, None where it is not."""
    return None if method in _LOOKING or token.is_borne(authorization) else _REFUSAL


class TokenInterceptor(grpc.ServerInterceptor):  # type: ignore[misc]
    """Refuses the gRPC calls that take the token and come without it."""

    def __init__(self, token: Token) -> None:
        self._token = token

    def intercept_service(self, continuation: Callable[[Any], Any], call: Any) -> Any:
        """Return the handler of a call, None where there is no such method."""
        handler = continuation(call)
        given = dict(call.invocation_metadata).get("authorization", "")
        is_look = call.method.rpartition("/")[2].startswith(_LOOKING_CALLS)
        if handler is None or is_look or self._token.is_borne(str(given)):
            return handler
        return grpc.unary_unary_rpc_method_handler(_refuse)


def _refuse(_: bytes, context: grpc.ServicerContext) -> None:
    context.abort(grpc.StatusCode.PERMISSION_DENIED, _REFUSAL)
