"""How errors are taken apart. Only the errors are made up; the real appends are tested against the emulator."""

import threading
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from google.api_core import exceptions
from google.cloud.bigquery_storage_v1 import types
from google.protobuf import any_pb2
from hypothesis import given
from hypothesis import strategies as st

from beam_jobs.gcp import append_connection as append
from beam_jobs.gcp.bigquery_write import MAX_REQUEST_BYTES, MOST_REFUSED_IN_A_ROW, TableAppender
from beam_jobs.gcp.retry import RetriesExhaustedError, RetryPolicy

QUICK = RetryPolicy(first_pause=0, longest_pause=0, seconds=5)
NO_RETRY = RetryPolicy(first_pause=0, seconds=0)
Answer = Callable[[list[int]], types.AppendRowsResponse]


class FakeConnection:
    """Writes a batch, unless the answer says otherwise."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.written: list[int] = []
        self.requests = 0

    def send(self, stream: str, schema: bytes, data: bytes) -> types.AppendRowsResponse:
        self.requests += 1
        rows = pa.ipc.open_stream(schema + data).read_all().column("n").to_pylist()
        response = self.answer(rows)
        if response.row_errors:
            return response
        if response.error.code:
            raise append._error_of(response)
        self.written += rows
        return response


def appender(answer: Answer, policy: RetryPolicy = QUICK) -> tuple[TableAppender, FakeConnection]:
    connection = FakeConnection(answer)
    return TableAppender(connection, "p.d.t", policy), connection  # type: ignore[arg-type]


def batch(count: int, **columns: Any) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"n": list(range(count)), **columns})


def refuses(bad: set[int], *, names_rows: bool) -> Answer:
    """As the emulator refuses a batch, or as the service does, which names the rows."""

    def answer(rows: list[int]) -> types.AppendRowsResponse:
        found = [index for index, row in enumerate(rows) if row in bad]
        if not found:
            return types.AppendRowsResponse()
        errors = [types.RowError(index=index, message=f"bad {rows[index]}") for index in found] if names_rows else []
        return types.AppendRowsResponse(error={"code": 3, "message": f"bad {rows[found[0]]}"}, row_errors=errors)

    return answer


@pytest.mark.parametrize("names_rows", [True, False])
@given(count=st.integers(0, 70), data=st.data())
def test_only_the_bad_rows_are_set_aside(names_rows: bool, count: int, data: st.DataObject) -> None:
    bad = data.draw(st.sets(st.integers(0, max(0, count - 1)))) if count else set()
    table, connection = appender(refuses(bad, names_rows=names_rows), NO_RETRY)
    if len(bad) == count > MOST_REFUSED_IN_A_ROW:
        with pytest.raises(RetriesExhaustedError, match="not one row any more: bad 0"):
            table.append(batch(count))
        return
    refusals = table.append(batch(count))
    assert sorted(refusals) == [(row, f"bad {row}") for row in sorted(bad)]
    assert sorted(connection.written) == [row for row in range(count) if row not in bad]


@pytest.mark.parametrize("names_rows", [True, False])
def test_when_every_row_is_refused_nothing_is_acknowledged_until_the_table_is_repaired(names_rows: bool) -> None:
    refuse = refuses({0}, names_rows=names_rows)
    repaired_after = 3 * MOST_REFUSED_IN_A_ROW
    requests = 0

    def answer(rows: list[int]) -> types.AppendRowsResponse:
        nonlocal requests
        requests += 1
        return refuse(rows) if requests < repaired_after else types.AppendRowsResponse()

    table, connection = appender(answer)
    refusals = [table.append(batch(1)) for _ in range(repaired_after)]
    assert [bool(some) for some in refusals[: MOST_REFUSED_IN_A_ROW + 1]] == [True] * MOST_REFUSED_IN_A_ROW + [False]
    assert not any(refusals[MOST_REFUSED_IN_A_ROW:])
    assert len(connection.written) == repaired_after - MOST_REFUSED_IN_A_ROW


def test_refused_rows_among_written_ones_never_stop_the_others() -> None:
    table, connection = appender(refuses(set(range(1, 50)), names_rows=True))
    for _ in range(MOST_REFUSED_IN_A_ROW):
        assert len(table.append(batch(50))) == 49
    assert len(connection.written) == MOST_REFUSED_IN_A_ROW


def test_rows_that_fit_into_no_request_say_nothing_of_the_table() -> None:
    table, _ = appender(lambda _: types.AppendRowsResponse(), NO_RETRY)
    large = bytes(MAX_REQUEST_BYTES + 1)
    for _ in range(MOST_REFUSED_IN_A_ROW + 2):
        assert [row for row, _ in table.append(batch(1, data=[large]))] == [0]


def test_one_bad_row_among_many_costs_few_requests() -> None:
    for names_rows, most in ((True, 2), (False, 27)):
        table, connection = appender(refuses({4321}, names_rows=names_rows))
        assert table.append(batch(10_000)) == [(4321, "bad 4321")]
        assert connection.requests <= most


def test_batches_are_cut_to_the_size_of_a_request_and_a_row_that_does_not_fit_is_refused() -> None:
    table, connection = appender(lambda _: types.AppendRowsResponse())
    small, large = bytes(MAX_REQUEST_BYTES // 3), bytes(MAX_REQUEST_BYTES + 1)
    refusals = table.append(batch(7, data=[small, small, small, large, small, small, small]))
    assert [row for row, _ in refusals] == [3]
    assert "9000000" in refusals[0][1]
    assert sorted(connection.written) == [0, 1, 2, 4, 5, 6]


@pytest.mark.parametrize(
    "error",
    [
        exceptions.ServiceUnavailable("down"),
        exceptions.DeadlineExceeded("late"),
        exceptions.ResourceExhausted("quota"),
        exceptions.NotFound("no such table"),
        exceptions.PermissionDenied("not yours"),
        exceptions.Unknown("?"),
    ],
)
def test_what_is_no_rows_fault_is_tried_again(error: exceptions.GoogleAPICallError) -> None:
    answers = iter([error, error, None])

    def answer(rows: list[int]) -> types.AppendRowsResponse:
        if failure := next(answers):
            raise failure
        return types.AppendRowsResponse()

    table, connection = appender(answer)
    assert table.append(batch(3)) == []
    assert connection.written == [0, 1, 2]
    assert table.retries == 2


def test_a_column_that_the_table_lacks_is_no_rows_fault() -> None:
    detail = any_pb2.Any()
    code = types.StorageError.StorageErrorCode.SCHEMA_MISMATCH_EXTRA_FIELDS
    detail.Pack(types.StorageError.pb(types.StorageError(code=code)))
    response = types.AppendRowsResponse(error={"code": 3, "message": "extra fields", "details": [detail]})
    table, connection = appender(lambda _: response, RetryPolicy(first_pause=0, seconds=0))
    with pytest.raises(RetriesExhaustedError, match=r"appending to p\.d\.t failed: extra fields"):
        table.append(batch(3))
    assert connection.requests == 1


def test_after_abort_nothing_is_tried_again() -> None:
    abort = threading.Event()

    def answer(rows: list[int]) -> types.AppendRowsResponse:
        abort.set()
        raise exceptions.ServiceUnavailable("down")

    table, connection = appender(answer, RetryPolicy(abort=abort))
    with pytest.raises(RetriesExhaustedError):
        table.append(batch(3))
    assert connection.requests == 1
