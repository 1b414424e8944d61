"""Which gRPC calls take the token."""

from types import SimpleNamespace
from typing import Any

import pytest

from emulators.dataflow.api.authorisation import TokenInterceptor
from emulators.guard.iam import Access
from emulators.guard.token import Token

HANDLER = object()


@pytest.mark.parametrize("method", ["GetJob", "ListJobs", "AggregatedListJobs", "ListJobMessages", "GetSnapshot"])
def test_looking_takes_no_token(method: str) -> None:
    assert intercepted(method) is HANDLER


@pytest.mark.parametrize("method", ["LaunchFlexTemplate", "CreateJob", "UpdateJob", "SnapshotJob", "DeleteSnapshot"])
def test_changing_takes_the_token(method: str) -> None:
    assert intercepted(method) is not HANDLER
    assert intercepted(method, ("authorization", f"Bearer {'x' * 32}")) is HANDLER


def intercepted(method: str, *metadata: tuple[str, str]) -> Any:
    call = SimpleNamespace(method=f"/google.dataflow.v1beta3.JobsV1Beta3/{method}", invocation_metadata=metadata)
    return TokenInterceptor(Token("x" * 32), Access()).intercept_service(lambda _: HANDLER, call)
