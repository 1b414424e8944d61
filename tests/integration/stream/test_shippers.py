"""What the recipes of deploy/shippers make of a log file arrives line by line. Neither program is run.

The requests are those that Vector's sources write: `sinks/gcp/pubsub.rs` posts the encoded events in JSON and Base64,
`transforms/reduce` joins the messages of events.
"""

import base64
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from tests.integration.stream.test_in_process import running
from tests.integration.stream.world import Stream, eventually, good_line
from tests.partitions import every_row

pytestmark = pytest.mark.integration

MAX_REQUEST_BYTES = 10_000_000
"""Of a publish request: docs/service-rules.md."""
RECIPES = Path(__file__).parents[3] / "deploy/shippers"
REJECTED = 17


def recipe(name: str) -> Any:
    return yaml.safe_load((RECIPES / name).read_text())


def requests_of_vector(lines: list[bytes]) -> Iterator[dict[str, Any]]:
    """The bodies that Vector posts for lines of one moment, by what the recipe sets."""
    settings = recipe("vector.yaml")
    reduce, sink = settings["transforms"]["lines"], settings["sinks"]["log_lines"]
    assert (reduce["merge_strategies"], sink["encoding"]) == ({"message": "concat_newline"}, {"codec": "text"})
    together = reduce["max_events"]
    for start in range(0, len(lines), together):
        data = b"\n".join(lines[start : start + together])
        yield {"messages": [{"data": base64.b64encode(data).decode()}]}


def test_vectors_messages_of_many_lines_become_rows_that_are_told_apart(stream: Stream) -> None:
    lines = [good_line(number) for number in range(250)]
    lines[REJECTED] = b"no request"
    url = f"http://{os.environ['PUBSUB_EMULATOR_HOST']}/v1/{stream.topic}:publish"
    message_ids: list[str] = []
    for body in requests_of_vector(lines):
        answer = requests.post(url, json=body, timeout=10)
        answer.raise_for_status()
        message_ids += answer.json()["messageIds"]
    assert len(message_ids) == 3
    with running(stream):
        eventually(lambda: stream.count("streamed_requests") + stream.count("rejected_streamed") == len(lines))
    paths = {f"{message_ids[number // 100]}:{number % 100 + 1}": f"/page/{number}" for number in range(len(lines))}
    assert stream.ids("rejected_streamed") == {f"{message_ids[0]}:{REJECTED + 1}"}
    del paths[f"{message_ids[0]}:{REJECTED + 1}"]
    table = f"`{stream.dataset}.streamed_requests`"
    assert dict(stream.sql(f"SELECT event_id, path FROM {table} WHERE {every_row('streamed_requests')}")) == paths


def test_a_message_of_the_longest_lines_fits_a_request() -> None:
    settings = recipe("vector.yaml")
    longest = settings["sources"]["access"]["max_line_bytes"] * settings["transforms"]["lines"]["max_events"]
    most = settings["sinks"]["log_lines"]["batch"]["max_bytes"]
    assert longest < most
    assert most * 4 / 3 < MAX_REQUEST_BYTES
