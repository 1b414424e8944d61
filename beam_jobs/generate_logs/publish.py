"""Publish synthetic log lines to Pub/Sub at a steady rate, and record what must become of each.

    python -m beam_jobs.generate_logs --publish --topic projects/P/topics/T --messages 60000 --rate 1000 --truth t.json

Each message is one line with the attribute `event_id`. Some lines are bad, some late or out of order, and some
messages are published twice with the same `event_id`. The truth holds every `event_id` that was published, with its
fate (`row`, `rejected` or `blank`) and log date. The same options, `--start_time` among them, give the same messages.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from google.api_core import exceptions
from google.auth.exceptions import GoogleAuthError
from google.pubsub_v1 import types

from beam_jobs.access_log.lines import counted
from beam_jobs.gcp.clients import make_publisher
from beam_jobs.gcp.retry import CALLERS_FAULT, RetriesExhaustedError, RetryPolicy, first_line
from beam_jobs.generate_logs.argument_types import FIRST_DAY, LAST_DAY, count, place, positive, seed, share
from beam_jobs.generate_logs.log_lines import FORMATS, TEMPLATES
from beam_jobs.generate_logs.synthetic_stream import Event, StreamPlan, draw_events
from beam_jobs.options.parameters import OneLineParser, OptionError
from beam_jobs.output.identity import EVENT_ID_ATTRIBUTE
from beam_jobs.storage.files import delete_object, write_object
from beam_jobs.storage.objects import OutputError

TRUTH_VERSION = 1
_BATCH_MESSAGES = 1000  # the most that the service takes at once
_TICK_SECONDS = 0.05
_PROGRESS_SECONDS = 2.0
_RETRY_SECONDS = 600.0


def main(argv: Sequence[str] | None = None) -> int:
    """Publish, then write the truth.

    Returns:
        The exit code: 0, 1 where it cannot publish or write, 2 for a wrong option.
    """
    try:
        options = _parse(argv)
    except OptionError as error:
        print(error, file=sys.stderr)
        return 2
    try:
        delete_object(options.truth)  # where it cannot be written, that is said before anything is published
        truth = publish(options)
        write_object(options.truth, json.dumps(truth).encode() + b"\n")
    except exceptions.NotFound:
        print(f"topic {options.topic} does not exist: create it, or correct --topic", file=sys.stderr)
        return 1
    except (exceptions.GoogleAPIError, GoogleAuthError, RetriesExhaustedError) as error:
        print(f"cannot publish to {options.topic}: {first_line(error)}", file=sys.stderr)
        return 1
    except OutputError as error:
        print(error, file=sys.stderr)
        return 1
    print(
        f"published {counted(truth['messages'], 'message')} in {truth['seconds']:.1f} s,"
        f" {truth['messages'] / max(truth['seconds'], 1e-9):,.0f} a second; the truth is in {options.truth}"
    )
    return 0


def publish(options: argparse.Namespace) -> dict[str, Any]:
    """Publish what the options ask for. An interrupt stops it after the current batch.

    Returns:
        The truth about what was published.

    Raises:
        GoogleAPICallError: the topic does not exist, or may not be published to.
        RetriesExhaustedError: Pub/Sub has not answered for 10 minutes.
        GoogleAuthError: there are no credentials.
    """
    plan = StreamPlan(
        events=options.messages,
        log_format=options.format,
        is_site=options.site,
        seed=options.seed,
        start=options.start_time,
        rate=options.rate,
        bad_share=options.bad_share,
        repeated_share=options.duplicate_share,
        late_share=options.late_share,
        disorder_share=options.out_of_order_share,
    )
    events = draw_events(plan)
    first = list(itertools.islice(events, _BATCH_MESSAGES))  # makes the pools, before the clock starts
    events = itertools.chain(first, events)
    topic = _Topic(options.topic)
    fates: dict[str, list[str]] = {}
    started = time.monotonic()
    sent = repetitions = 0
    told = started
    try:
        while True:
            elapsed = time.monotonic() - started
            due = int(options.rate * elapsed)
            if options.burst_seconds:
                due += int(elapsed / options.burst_seconds) * options.burst_messages
            batch = list(itertools.islice(events, min(due - sent, _BATCH_MESSAGES)))
            if not batch and due > sent:
                break
            if not batch:
                time.sleep(_TICK_SECONDS)
                continue
            topic.publish(batch)
            sent += len(batch)
            for event in batch:
                fates[event.event_id] = [event.fate, event.log_date]
                repetitions += event.is_repetition
            if time.monotonic() - told > _PROGRESS_SECONDS:
                told = time.monotonic()
                print(f"published {sent:,} messages of {options.messages:,} events", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        print("interrupted; the truth holds what was published", file=sys.stderr)
    return {
        "version": TRUTH_VERSION,
        "topic": options.topic,
        "format": options.format,
        "site": options.site,
        "seed": options.seed,
        "start_time": options.start_time.isoformat(),
        "seconds": time.monotonic() - started,
        "messages": sent,
        "repetitions": repetitions,
        "totals": dict(sorted(Counter(fate for fate, _ in fates.values()).items())),
        "rows_by_date": dict(sorted(Counter(day for _, day in fates.values() if day).items())),
        "events": fates,
    }


class _Topic:
    """A topic; a retried batch may be published twice, with the same event ids."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._policy = RetryPolicy(
            seconds=_RETRY_SECONDS, final=(*CALLERS_FAULT, exceptions.NotFound, exceptions.PermissionDenied)
        )
        self._client = make_publisher()

    def publish(self, events: Sequence[Event]) -> None:
        request = types.PublishRequest.pb(types.PublishRequest(topic=self._path))
        for event in events:
            request.messages.add(data=event.line, attributes={EVENT_ID_ATTRIBUTE: event.event_id})
        wrapped = types.PublishRequest.wrap(request)

        self._policy.call(
            f"publishing to {self._path}", lambda: self._client.api.publish(request=wrapped, retry=None, timeout=30)
        )


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = OneLineParser(
        prog="python -m beam_jobs.generate_logs --publish", description=__doc__.partition("\n")[0], allow_abbrev=False
    )
    parser.add_argument("--topic", required=True, type=_topic_name, help="projects/PROJECT/topics/NAME")
    parser.add_argument("--truth", required=True, type=place, help="file for the truth, gs:// or local")
    parser.add_argument("--messages", type=count, default=10_000, help="events, repetitions aside (default: 10000)")
    parser.add_argument("--rate", type=positive, default=1000.0, help="messages a second (default: 1000)")
    parser.add_argument("--burst_seconds", type=positive, default=0.0, help="time between bursts (default: none)")
    parser.add_argument("--burst_messages", type=count, default=1000, help="messages of a burst (default: 1000)")
    parser.add_argument("--bad_share", type=share, default=0.01, help="bad lines, 0 to 1 (default: 0.01)")
    parser.add_argument("--duplicate_share", type=share, default=0.0, help="events sent twice (default: 0)")
    parser.add_argument("--late_share", type=share, default=0.0, help="lines of the day before (default: 0)")
    parser.add_argument("--out_of_order_share", type=share, default=0.0, help="lines 1 to 600 s late (default: 0)")
    parser.add_argument("--site", action="store_true", help="lines of a believable site")
    parser.add_argument("--format", choices=TEMPLATES, default="article", help="format of the lines (default: article)")
    parser.add_argument("--seed", type=seed, default=1, help="what the draws start from (default: 1)")
    parser.add_argument("--start_time", type=_time, default=datetime.now(UTC), help="of the first line (default: now)")
    options = parser.parse_args(argv)
    if not options.site and options.format not in FORMATS:
        parser.error(f"--format {options.format} is for a site: add --site, or take one of {', '.join(FORMATS)}")
    return options


def _topic_name(text: str) -> str:
    if re.fullmatch(r"projects/[^/\s]+/topics/[^/\s]+", text) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a topic like projects/PROJECT/topics/NAME")
    return text


def _time(text: str) -> datetime:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time like 2026-11-01T12:00:00") from None
    if not FIRST_DAY <= when.date() <= LAST_DAY:
        raise argparse.ArgumentTypeError(f"{text!r} is not from {FIRST_DAY} to {LAST_DAY}")
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
