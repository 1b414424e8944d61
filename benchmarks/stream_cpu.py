"""CPU time of the streaming job, by message and by line: ``python -m benchmarks.stream_cpu``.

First the job on this machine, from Pub/Sub to BigQuery, both emulated by other processes that are not counted. Then
what one batch costs whatever it holds, and what Beam's own worker adds to a message when it hands them over one by one
as on Dataflow: the real steps behind a shuffle, in a worker process of FnApiRunner, its CPU time alone.
"""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from datetime import UTC, datetime

import psutil

from beam_jobs.gcp.append_connection import AppendConnection
from beam_jobs.gcp.clients import make_write_client
from beam_jobs.gcp.retry import RetryPolicy
from beam_jobs.stream.messages import Message, parse_each
from beam_jobs.stream.options import parse_stream_options
from beam_jobs.stream.sink import StreamSink
from benchmarks.stream import LocalStream, message, until
from benchmarks.table import machine

MESSAGES = 200_000
RATE = 10_000
MANY_LINES, MANY_MESSAGES, MANY_RATE = 100, 5_000, 1_000
MAX_MICROSECONDS_A_MESSAGE, MAX_MICROSECONDS_A_LINE = 8.0, 1.0

_WARM_UP = 2_000
_BATCHES = (1, 10, 100, 1_000, 10_000)
_BATCHED_MESSAGES, _MOST_BATCHES = 20_000, 500
_BEAM_MESSAGES = (5_000, 105_000)
_BEAM_CODE = """
import resource, sys
import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from google.pubsub_v1 import types
from beam_jobs.stream.options import parse_stream_options
from beam_jobs.stream.transforms import AppendToBigQuery, ParseMessages, decode_messages
from benchmarks.stream import message

steps, count = sys.argv[1], int(sys.argv[2])
settings, _ = parse_stream_options(sys.argv[3:])

def messages(_):
    for number in range(count):
        published = types.PubsubMessage.pb(types.PubsubMessage())
        published.data, published.message_id = message(number), str(number)
        published.attributes["event_id"] = f"beam-{number}"
        published.publish_time.GetCurrentTime()
        yield published.SerializeToString()

options = PipelineOptions(["--runner=FnApiRunner", "--direct_running_mode=multi_processing"])
with beam.Pipeline(options=options) as pipeline:
    read = pipeline | beam.Impulse() | beam.FlatMap(messages).with_output_types(bytes)
    if steps != "made":
        read = read | beam.Reshuffle()
    if steps == "worked":
        read | decode_messages() | ParseMessages(settings) | AppendToBigQuery(settings)
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(usage.ru_utime + usage.ru_stime)
"""


def main() -> None:
    """Print the table; exit non-zero where a target is missed."""
    print(f"CPU time of the stream, microseconds. {machine()}, load {os.getloadavg()[0]:.1f}")
    with LocalStream() as here:
        single = _job(here, MESSAGES, RATE, 1)
        many = _job(here, MANY_MESSAGES, MANY_RATE, MANY_LINES) / MANY_LINES
        met = _print_target("the job, a message of one line", single, MAX_MICROSECONDS_A_MESSAGE)
        met &= _print_target(f"the job, a line of a message of {MANY_LINES}", many, MAX_MICROSECONDS_A_LINE)
        for size in _BATCHES:
            alone = _batch(here, size)
            print(f"{f'parsed and appended, a batch of {size:,}':50}{size * alone:>10.0f}  {alone:.2f} a message")
        made, shuffled, worked = (_beam(here, steps) for steps in ("made", "shuffled", "worked"))
    print(f"{'Beam, a message made and shuffled':50}{shuffled - made:>10.1f}")
    print(f"{'Beam, handed over one by one, parsed, appended':50}{worked - shuffled:>10.1f}")
    if not met:
        sys.exit(1)


def _print_target(name: str, taken: float, most: float) -> bool:
    met = taken < most
    print(f"{name:50}{taken:>10.2f}  {'met' if met else 'MISSED'}: below {most:g}")
    return met


def _job(here: LocalStream, messages: int, rate: int, lines: int) -> float:
    """Return the microseconds of the job's CPU for a message, published at a steady rate."""
    name = f"job_{lines}"
    options = here.provision(name)
    with here.process("beam_jobs.stream", *options) as pid:
        here.publish(name, _WARM_UP, lines=1)
        until(lambda: here.count(name) >= _WARM_UP)
        started = _cpu_seconds(pid)
        deque(here.publish_steadily(name, rate, messages, _WARM_UP, lines), maxlen=0)
        until(lambda: here.count(name) >= _WARM_UP + messages * lines)
        return (_cpu_seconds(pid) - started) / messages * 1e6


def _cpu_seconds(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def _batch(here: LocalStream, size: int) -> float:
    """Return the microseconds of parsing and appending a message, in batches of that size."""
    settings, _ = parse_stream_options(here.provision(f"batch_{size}"))
    parser = settings.make_parser()
    connection = AppendConnection(make_write_client())
    sink = StreamSink(connection, settings, RetryPolicy())
    now = time.time()
    batches = [
        [Message(message(number), str(number), f"batch-{number}", now) for number in range(start, start + size)]
        for start in range(0, min(_BATCHED_MESSAGES, _MOST_BATCHES * size), size)
    ]

    def work() -> None:
        for batch in batches:
            for parsed in parse_each(batch, parser, settings.subscription, datetime.now(UTC)):
                sink.write(parsed)

    work()
    started = time.process_time()
    work()
    taken = time.process_time() - started
    connection.close()
    return taken / (len(batches) * size) * 1e6


def _beam(here: LocalStream, steps: str) -> float:
    """Return the microseconds of a worker process of Beam for a message more."""
    options = here.provision(f"beam_{steps}")
    seconds = [float(here.run("-c", _BEAM_CODE, steps, count, *options).split()[-1]) for count in _BEAM_MESSAGES]
    return (seconds[1] - seconds[0]) / (_BEAM_MESSAGES[1] - _BEAM_MESSAGES[0]) * 1e6


if __name__ == "__main__":
    main()
