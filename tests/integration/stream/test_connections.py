"""A project that may have open one connection for appends, which is enough for all threads of a worker's process."""

import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from google.api_core.exceptions import ResourceExhausted
from google.cloud.bigquery_storage_v1.types import AppendRowsRequest

from beam_jobs.access_log import BlockParser, get_format
from beam_jobs.gcp.append_connection import AppendConnection, _Call
from beam_jobs.gcp.bigquery_write import default_stream
from beam_jobs.gcp.clients import make_write_client
from beam_jobs.output.identity import REJECTED_SCHEMA
from beam_jobs.stream import transforms
from beam_jobs.stream.messages import Message, ParsedMessages, parse_messages
from beam_jobs.stream.options import StreamSettings, parse_stream_options
from tests.integration.stream.world import Stream, World, eventually, good_line

pytestmark = pytest.mark.integration

THREADS, BATCHES = 4, 6
PARSER = BlockParser(get_format("article"))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    running = World(tmp_path_factory.mktemp("connections"), "--most-connections", 1)
    try:
        running.start()
        yield running
    finally:
        running.stop()


def parsed(settings: StreamSettings, name: str) -> ParsedMessages:
    """A row, a rejected line, the batch's entry and a heartbeat: an append to each table."""
    now = datetime.now(UTC)
    messages = [Message(good_line(1), name), Message(b"bad", name), Message(b"", name, heartbeat=now)]
    return parse_messages(messages, PARSER, settings.subscription, now)


def test_threads_of_a_process_share_the_connection_and_another_is_refused(stream: Stream) -> None:
    settings, _ = parse_stream_options(stream.options)
    step = pickle.dumps(transforms._Append(settings))

    def work(thread: int) -> None:
        """What a thread of Dataflow's worker does."""
        do_fn = pickle.loads(step)
        do_fn.setup()
        for number in range(BATCHES):
            list(do_fn.process(parsed(settings, f"{thread}-{number}")))

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(work, range(THREADS)))
    names = {f"{thread}-{number}" for thread in range(THREADS) for number in range(BATCHES)}
    assert stream.ids("streamed_requests") == stream.ids("rejected_streamed") == names
    ledger = stream.ledger()
    assert (ledger["messages"], ledger["rows"], ledger["rejected"]) == (48, 24, 24)
    assert len(stream.sql(f"SELECT * FROM `{stream.dataset}.stream_heartbeats`")) == len(names)

    second = AppendConnection(make_write_client())
    stream_name = default_stream(settings.rejected_table)
    rejected = parsed(settings, "x").rejected
    schema, data = (part.serialize().to_pybytes() for part in (REJECTED_SCHEMA, rejected))
    with pytest.raises(ResourceExhausted, match="Exceeds 'Concurrent connections' quota of 1 per project"):
        second.send(stream_name, schema, data)
    second.close()

    # The refusal may come before the request that opened the connection is put into it.
    refused = _Call(make_write_client(), stream_name)
    eventually(lambda: refused.ended_by)
    with pytest.raises(ResourceExhausted, match="Exceeds 'Concurrent connections' quota of 1 per project"):
        refused.put(AppendRowsRequest())
