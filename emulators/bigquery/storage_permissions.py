"""What calls of the Storage Read and Write APIs have to be granted.

See https://cloud.google.com/bigquery/docs/write-api#required_permissions and
https://cloud.google.com/bigquery/docs/reference/storage#permissions.
"""

import re
from collections.abc import Iterator
from typing import Any

import grpc
from bqemulator.domain.errors import PermissionDeniedError
from bqemulator.grpc_api import read_servicer
from bqemulator.grpc_api.read_servicer import BigQueryReadHandler
from google.cloud.bigquery_storage_v1 import types

from emulators.bigquery.permissions import Path
from emulators.guard.iam import Access, Caller

_TABLE = re.compile(r"projects/([^/]+)/datasets/([^/]+)/tables/([^/]+)")
_OF_STREAMS: dict[str, tuple[Any, str]] = {
    "CreateWriteStream": (types.CreateWriteStreamRequest, "parent"),
    "GetWriteStream": (types.GetWriteStreamRequest, "name"),
    "FinalizeWriteStream": (types.FinalizeWriteStreamRequest, "name"),
    "BatchCommitWriteStreams": (types.BatchCommitWriteStreamsRequest, "parent"),
    "FlushRows": (types.FlushRowsRequest, "write_stream"),
}


class PermittedReads(BigQueryReadHandler):
    """The Storage Read API for those who may read; replaces bqemulator's own handler.

    Attributes:
        access: tells who calls.
    """

    access = Access()

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """Return the handler of a call."""
        handler = super().service(handler_call_details)
        return permitted(handler, handler_call_details, self.access)


def permitted(
    handler: grpc.RpcMethodHandler | None, call: grpc.HandlerCallDetails, access: Access
) -> grpc.RpcMethodHandler | None:
    """Return a handler that refuses callers who lack a permission; AppendRows sees to itself."""
    caller = access.caller_of_metadata(call.invocation_metadata)
    name = call.method.rpartition("/")[2]
    if handler is None or not caller.account or name == "AppendRows":
        return handler

    def unary(request: bytes, context: grpc.ServicerContext) -> Any:
        if words := _refusal_of(caller, name, request):
            raise PermissionDeniedError(words)  # bqemulator makes a status of it
        return handler.unary_unary(request, context)

    def streamed(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        if words := _refusal_of(caller, name, request):
            context.abort(grpc.StatusCode.PERMISSION_DENIED, words)
        yield from handler.unary_stream(request, context)

    if handler.unary_unary:
        return grpc.unary_unary_rpc_method_handler(unary)
    return grpc.unary_stream_rpc_method_handler(streamed)


def refusal_of_append(caller: Caller, stream: str) -> str:
    """Return why a caller may not append to a stream; empty where it may."""
    return _refusal(caller, "bigquery.tables.updateData", stream)


def _refusal_of(caller: Caller, name: str, request: bytes) -> str:
    refusals = (_refusal(caller, permission, resource) for permission, resource in _demands(name, request))
    return next(filter(None, refusals), "")


def _demands(name: str, request: bytes) -> Iterator[tuple[str, str]]:
    """Return the permissions of a call, each with the name of its table or its project."""
    if name == "CreateReadSession":
        asked = types.CreateReadSessionRequest.deserialize(request)
        yield "bigquery.readsessions.create", asked.parent
        yield "bigquery.tables.getData", asked.read_session.table
    elif name == "ReadRows":
        yield "bigquery.readsessions.getData", types.ReadRowsRequest.deserialize(request).read_stream
    elif name == "SplitReadStream":
        yield "bigquery.readsessions.update", types.SplitReadStreamRequest.deserialize(request).name
    else:
        kind, field = _OF_STREAMS[name]
        yield "bigquery.tables.updateData", getattr(kind.deserialize(request), field)


def _refusal(caller: Caller, permission: str, name: str) -> str:
    found = _TABLE.match(name)
    path = Path(*found.groups()) if found else Path(name.removeprefix("projects/").partition("/")[0])
    if caller.may(permission, path.resource):
        return ""
    shouted = re.sub("([A-Z])", r"_\1", permission.removeprefix("bigquery.").replace(".", "_")).upper()
    resource = found[0] if found else f"projects/{path.project}"
    return f"Permission '{shouted}' denied on resource '{resource}' (or it may not exist)."


def patch() -> None:
    """Put the handler in the place of bqemulator's."""
    vars(read_servicer)["BigQueryReadHandler"] = PermittedReads
