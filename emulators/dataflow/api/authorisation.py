"""Who may launch, update and end jobs: callers with the token, which starts and ends processes of this machine.

So may service accounts of a policy, by tokens of their own, if their roles let them: see `permissions.py`. Looking at
jobs takes no token: Airflow's UI links to a job, and a browser that follows the link has none.
"""

from collections.abc import Callable
from typing import Any

import grpc

from emulators.guard.iam import Access
from emulators.guard.token import Token

_LOOKING = frozenset({"GET", "HEAD"})
# Standard methods that change nothing, https://google.aip.dev/131 and 132; and the list over all locations.
_LOOKING_CALLS = ("Get", "List", "AggregatedList")
_REFUSAL = (
    "Launching, updating and ending jobs takes the emulator's token: send Authorization: Bearer with the value of "
    "DATAFLOW_EMULATOR_TOKEN."
)


def refusal_of_rest(method: str, authorization: str, token: Token, access: Access) -> str | None:
    """Return why a REST request is refused, None where it is not."""
    return None if method in _LOOKING or _is_known(authorization, token, access) else _REFUSAL


class TokenInterceptor(grpc.ServerInterceptor):  # type: ignore[misc]
    """Refuses the gRPC calls that take the token and come without it."""

    def __init__(self, token: Token, access: Access) -> None:
        self._token = token
        self._access = access

    def intercept_service(self, continuation: Callable[[Any], Any], call: Any) -> Any:
        """Return the handler of a call, None where there is no such method."""
        handler = continuation(call)
        given = dict(call.invocation_metadata).get("authorization", "")
        is_look = call.method.rpartition("/")[2].startswith(_LOOKING_CALLS)
        if handler is None or is_look or _is_known(str(given), self._token, self._access):
            return handler
        return grpc.unary_unary_rpc_method_handler(_refuse)


def _is_known(authorization: str, token: Token, access: Access) -> bool:
    return token.is_borne(authorization) or bool(access.caller(authorization).account)


def _refuse(_: bytes, context: grpc.ServicerContext) -> None:
    context.abort(grpc.StatusCode.PERMISSION_DENIED, _REFUSAL)
