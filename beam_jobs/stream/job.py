"""Streaming job: log lines from a Pub/Sub subscription to BigQuery, until it is drained.

    python -m beam_jobs.stream --subscription projects/P/subscriptions/S --dataset P.logline

Good lines go to `streamed_requests`, the others with their reason to `rejected_streamed`, the counts of every batch to
`stream_batches`; a message is acknowledged when all this is durable. Runs in this process by default: SIGINT and
SIGTERM drain, that is stop pulling, finish what was pulled and exit with 0; after SIGTERM, or a second SIGINT, failed
calls are not retried. With `--runner=DataflowRunner` the job is submitted. Exits with 1 and one line where it
cannot run.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Sequence
from types import FrameType

from google.auth.exceptions import GoogleAuthError

from beam_jobs.gcp.append_connection import AppendConnection
from beam_jobs.gcp.clients import make_write_client
from beam_jobs.gcp.retry import RetriesExhaustedError, RetryPolicy, first_line
from beam_jobs.options.parameters import OptionError
from beam_jobs.storage.objects import OutputError
from beam_jobs.stream.local_runner import LocalRunner
from beam_jobs.stream.metrics import READ_STEP, StreamMetrics, write_metrics
from beam_jobs.stream.options import StreamSettings, TargetError, parse_stream_options
from beam_jobs.stream.sink import StreamSink, check_tables
from beam_jobs.stream.subscription import Subscription

_SUBMIT_RETRY_SECONDS = 60.0
_log = logging.getLogger("logline.stream")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job until it is told to drain; with DataflowRunner, submit it.

    Returns:
        The exit code: 0 when drained or submitted, 1 where the job cannot run.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("apache_beam").setLevel(logging.WARNING)
    try:
        settings, of_beam = parse_stream_options(sys.argv[1:] if argv is None else argv)
        if settings.on_dataflow:
            _submit(settings, of_beam)
        else:
            run_here(settings)
    except (OptionError, TargetError, RetriesExhaustedError, OutputError) as error:
        print(error, file=sys.stderr)
        return 1
    except GoogleAuthError as error:
        print(f"no credentials of Google Cloud: {first_line(error)}", file=sys.stderr)
        return 1
    return 0


def run_here(settings: StreamSettings) -> None:
    """Stream in this process until SIGINT or SIGTERM; call it in the main thread.

    While Pub/Sub or BigQuery do not answer it waits: the backlog grows and nothing is lost.

    Raises:
        TargetError: the subscription or a table is missing or has the wrong schema.
        GoogleAuthError: there are no credentials.
    """
    abort = threading.Event()
    metrics = StreamMetrics()
    subscription = Subscription(settings.subscription)
    client = make_write_client()
    connection = AppendConnection(client)
    sink = StreamSink(connection, settings, RetryPolicy(abort=abort))
    runner = LocalRunner(subscription, settings.make_parser(), sink, metrics, abort)
    asked_to_drain = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        if number == signal.SIGTERM or asked_to_drain.is_set():
            abort.set()
        asked_to_drain.set()
        runner.drain()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    report = _Report(runner, sink, metrics)
    until_asked = RetryPolicy(abort=asked_to_drain)
    try:
        subscription.check(until_asked)
        check_tables(client, settings, until_asked)
        _log.info("streaming from %s to %s", settings.subscription, settings.rows_table)
        runner.run(report)
    except RetriesExhaustedError:
        if not asked_to_drain.is_set():
            raise
    finally:
        connection.close()
        subscription.close()
    _log.info("drained: %s", metrics.counts)


class _Report:
    """Writes the metrics every second, and a line of progress now and then."""

    _LOG_EVERY = 10

    def __init__(self, runner: LocalRunner, sink: StreamSink, metrics: StreamMetrics) -> None:
        self._runner, self._sink, self._metrics = runner, sink, metrics
        self._calls = self._logged_messages = 0

    def __call__(self) -> None:
        held, oldest = self._runner.held()
        values = self._metrics.values(
            held=held, oldest_held=oldest, appends=self._sink.appends, retries=self._sink.retries
        )
        write_metrics(values)
        self._calls += 1
        messages = self._metrics.counts.messages
        if self._calls % self._LOG_EVERY == 0 and (held or messages != self._logged_messages):
            self._logged_messages = messages
            counts, read = self._metrics.counts, values[READ_STEP]
            _log.info(
                "messages: %d, rows: %d, rejected: %d, blank: %d; in hand: %d, lag %d s",
                *(messages, counts.rows, counts.rejected, counts.blank, held, read["system_lag"]),
            )


def _submit(settings: StreamSettings, of_beam: Sequence[str]) -> None:
    from beam_jobs.stream.dataflow import submit  # imports Beam, which takes seconds

    policy = RetryPolicy(seconds=_SUBMIT_RETRY_SECONDS)
    subscription, client = Subscription(settings.subscription), make_write_client()
    subscription.check(policy)
    check_tables(client, settings, policy)
    submit(settings, of_beam)
    _log.info("submitted job %s", settings.job_name)
