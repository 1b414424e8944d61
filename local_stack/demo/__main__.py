"""``python -m local_stack.demo [--logs PATH]``: the whole pipeline, once, with figures that are checked.

Starts the stack where it is down, makes three days of logs of a believable site in the format that NGINX Amplify asks
for, which has hosts and durations, backfills them through Airflow and waits for their daily summaries. Then it streams
lines of today in the format that the stream reads, and some late ones of the last backfilled day, for most of a minute,
and summarises both days. Every figure is compared with what generator and publisher counted. With files of one's own it
backfills these alone. The stack stays up, the stream goes on.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from local_stack import launch
from local_stack.airflow.airflow_config import USER, airflow_secrets
from local_stack.clients.airflow import AirflowApi
from local_stack.config import StackConfig, read_config
from local_stack.demo.counts import Comparison, compare, read_counts, rejected_examples
from local_stack.demo.runs import follow_started, run_all_to_success, run_to_success
from local_stack.demo.screen import Screen
from local_stack.demo.stream import Lines, start_stream, stream_lines
from local_stack.demo.stream_counts import compare_streamed, read_stream_counts
from local_stack.progress import Progress
from local_stack.running import RunningStack
from local_stack.supervisor.state import running_config
from logline_cli.bucket import existing_objects, upload
from logline_cli.errors import ClientError
from logline_cli.sources import Sources, find_sources
from logline_cli.tables import counted

FIRST_DAY, LAST_DAY, DAYS = "2026-11-01", "2026-11-03", 3
LINES_PER_DAY = 20_000
FORMAT = "nginx_amplify"
BAD_SHARE, REPEATED_SHARE = 0.05, 0.02
LIVE = Lines("today", messages=15_000, rate=300)
# With a fixed time and seed these are the same messages in every demo, so that they count once however often it runs.
LATE = Lines("late", messages=1_000, rate=20, start_time=f"{LAST_DAY}T12:00:00+00:00", seed=2)


def main() -> int:
    """Run the demo; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m local_stack.demo", description=__doc__)
    parser.add_argument("--logs", metavar="PATH", help="log files of your own, alone: a file, a folder or a pattern")
    given = parser.parse_args()
    try:
        own = find_sources([given.logs], "loaded") if given.logs else None
        return Demo(RunningStack(running_config(read_config()))).run(own)
    except ClientError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the stack stays as it is: make status, make down", file=sys.stderr)
        return 130


class Demo:
    """The demo on one stack."""

    def __init__(self, stack: RunningStack) -> None:
        self._stack = stack
        self._screen = Screen()
        self._folder = f"gs://{stack.bucket}/logs"

    def run(self, own: Sources | None) -> int:
        """Run all steps.

        Returns:
            0 when every figure is right, else 1.
        """
        with self._screen.step("Starting the local stack"):
            _start(self._stack.config)
        with self._stack.airflow() as api:
            with self._screen.step("Creating bucket, dataset, tables and template"):
                run_to_success(api, self._screen, "provision", {}, run_id=_run_id("demo"), seconds=300)
            well = self._run_own(api, own) if own else self._run_generated(api)
        self._show_ways(self._stack.config)
        return 0 if well else 1

    def _run_generated(self, api: AirflowApi) -> bool:
        with self._screen.step(
            f"Making {DAYS} days of a site's logs in {FORMAT}, {LINES_PER_DAY:,} lines a weekday, 1 % of them bad"
        ):
            truth = self._generate()
        with self._screen.step(f"Backfilling {FIRST_DAY} to {LAST_DAY}"):
            run_id = self._backfill(api, "demo", {"start_date": FIRST_DAY, "end_date": LAST_DAY})
        well, mixed_days = self._show_generated(run_id, truth)
        with self._screen.step("Starting the stream"):
            start_stream(self._stack, api, self._screen, _run_id("demo"))
        rows = {day: true["rows"] for day, true in truth["days"].items() if day not in mixed_days}
        return self._stream(api, rows) and well

    def _run_own(self, api: AirflowApi, own: Sources) -> bool:
        with self._screen.step(f"Uploading your logs ({counted(len(own.objects), 'file')})"):
            self._upload(own)
        with self._screen.step("Backfilling your files"):
            run_id = self._backfill(api, "yours", {"source": f"gs://{self._stack.bucket}/{own.pattern}"})
        self._show_own(run_id)
        return True

    def _generate(self) -> Mapping[str, Any]:
        self._screen.line(
            self._stack.generate_logs(
                site=True, format=FORMAT, start_date=FIRST_DAY, days=DAYS, lines_per_day=LINES_PER_DAY
            )
        )
        with self._stack.storage() as storage:
            truth: Mapping[str, Any] = json.loads(
                storage.bucket(self._stack.bucket).blob("truth.json").download_as_bytes()
            )
        return truth

    def _backfill(self, api: AirflowApi, name: str, conf: Mapping[str, Any]) -> str:
        known = {run.run_id for run in api.runs("daily_summary")}
        run_id = _run_id(name)
        run_to_success(api, self._screen, "log_backfill", conf, run_id=run_id, seconds=1800)
        follow_started(api, self._screen, "daily_summary", known=known, seconds=1800)
        return run_id

    def _stream(self, api: AirflowApi, backfilled: Mapping[str, int]) -> bool:
        with self._screen.step(
            f"Streaming {LIVE.messages:,} lines of today at {LIVE.rate} a second and {LATE.messages:,} late ones of "
            f"{LAST_DAY}, {BAD_SHARE:.0%} of them bad, {REPEATED_SHARE:.0%} sent twice"
        ):
            published = stream_lines(
                self._stack,
                self._screen,
                (LIVE, LATE),
                since=LAST_DAY,
                bad_share=BAD_SHARE,
                repeated_share=REPEATED_SHARE,
            )
        days = sorted({day for one in published for day in one["rows_by_date"]})
        with self._screen.step(f"Summarising {' and '.join(days)}"):
            runs = {_run_id(f"demo_{day}"): {"day": day} for day in days}
            run_all_to_success(api, self._screen, "daily_summary", runs, seconds=300)
        with self._stack.bigquery() as client:
            found = read_stream_counts(client, self._stack.dataset, sorted({*days, *backfilled}))
        self._screen.sources(found)
        for day in days:
            if before := len(found.event_ids.get(day, ())) - sum(one["rows_by_date"].get(day, 0) for one in published):
                self._screen.plain(f"{day}: {before:,} of the requests from the stream were there before.\n")
        return self._show_compared(compare_streamed(found, published, backfilled), "publisher's and the generator's")

    def _upload(self, own: Sources) -> None:
        with self._stack.storage() as storage:
            bucket = storage.bucket(self._stack.bucket)
            existing = existing_objects(bucket, [*own.objects.values()], own.pattern)
            for done in upload(bucket, own.objects, existing, replace=True):
                self._screen.line(f"{done.path} ({done.size:,} bytes{'' if done.is_new else ', there already'})")

    def _show_generated(self, run_id: str, truth: Mapping[str, Any]) -> tuple[bool, frozenset[str]]:
        with self._stack.bigquery() as client:
            found = read_counts(client, self._stack.dataset, run_id)
        self._screen.ledger(found)
        self._screen.rejected(found)
        self._screen.days(found)
        compared = compare(found, truth, self._folder)
        well = self._show_compared(compared, "generator's")
        for day in sorted(found.mixed_days | found.streamed_days):
            other = "other files hold" if day in found.mixed_days else "the stream has brought"
            self._screen.plain(f"{day}: {other} lines of this day too; its totals were not compared.\n")
        return well, found.mixed_days

    def _show_compared(self, compared: Comparison, whose: str) -> bool:
        for line in compared.different:
            self._screen.plain(f"DIFFERENT  {line}")
        total = compared.equal + len(compared.different)
        if compared.different:
            self._screen.plain(f"{len(compared.different)} of {total} figures differ from the {whose} truth.\n")
        else:
            self._screen.plain(f"All {total} figures equal the {whose} truth.\n")
        return not compared.different

    def _show_own(self, run_id: str) -> None:
        with self._stack.bigquery() as client:
            found = read_counts(client, self._stack.dataset, run_id)
            examples = rejected_examples(client, self._stack.dataset, run_id)
        self._screen.ledger(found)
        if found.rejected:
            self._screen.rejected(found, examples)
        self._screen.days(found)
        self._screen.plain()

    def _show_ways(self, config: StackConfig) -> None:
        self._screen.plain(
            f"Airflow:  {config.airflow_url}   user {USER}   password {airflow_secrets(config).password}"
        )
        self._screen.plain('Shell:    eval "$(make -s env)"; logline load FILE --backfill; logline status')
        self._screen.plain("Drop in:  logline load FILE --prefix logs   (the DAG arrivals reads it within a minute)")
        self._screen.plain(
            "Publish:  python -m beam_jobs.generate_logs --publish "
            f"--site --topic projects/{config.project}/topics/{config.topic} --truth published.json"
        )
        self._screen.plain("Stop:     make down   (the stream runs until then)")


def _start(config: StackConfig) -> None:
    with Progress() as progress:
        launch.up(config, tell=progress.line, watch=progress.show)


def _run_id(name: str) -> str:
    return f"{name}__{datetime.now(UTC).isoformat(timespec='milliseconds')}"


if __name__ == "__main__":
    sys.exit(main())
