"""The whole way, through a real Airflow: log files in, trusted tables out, and every mistake one clear line."""

import gzip
import hashlib
import io
import json
import os
import random
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from local_stack.clients.airflow import AirflowApi, DagRun
from local_stack.running import RunningStack
from local_stack.waiting import wait_for
from tests.e2e.days import forget_day
from tests.partitions import every_row

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

DAYS = ("2024-02-28", "2024-02-29", "2024-03-01")
LINES_PER_DAY = 2_000
RANGE = {"start_date": DAYS[0], "end_date": DAYS[-1]}
RUN_SECONDS = 600
SEED = int(os.environ.get("CHAOS_SEED", "20261122"))
STEPS = ("parse", "load", "land", "report", "drop_staging")
# Columns that say when and by which run something was made; all others must not depend on it.
VOLATILE = {
    "ingested_at",
    "reading",
    "run_id",
    "job_id",
    "started",
    "finished",
}
# The ledger keeps a row per run by design, so it is compared on its own.
TABLES = (
    "backfilled_requests",
    "rejected_lines",
    "requests",
    "daily_summary",
    "daily_paths",
    "daily_referers",
    "daily_statuses",
    "daily_user_agents",
    "daily_visitors",
    "daily_sessions",
    "hourly_traffic",
)


@dataclass(frozen=True)
class Pipeline:
    stack: RunningStack
    airflow: AirflowApi
    truth: dict[str, Any]
    first_run: DagRun

    def query(self, sql: str) -> list[dict[str, Any]]:
        client = self.stack.bigquery()
        try:
            return [dict(row.items()) for row in client.query_and_wait(sql)]
        finally:
            client.close()

    def checksums(self) -> dict[str, str]:
        """What each table holds, which is something."""
        found = {table: self._checksum(table) for table in TABLES}
        assert not [table for table, checksum in found.items() if checksum.startswith("0 rows")]
        return found

    def _checksum(self, table: str) -> str:
        rows = sorted(
            repr([(name, value) for name, value in sorted(row.items()) if name not in VOLATILE])
            for row in self.query(f"SELECT * FROM {self.stack.dataset}.{table} WHERE {every_row(table)}")
        )
        return f"{len(rows)} rows {hashlib.sha256(repr(rows).encode()).hexdigest()}"

    def backfill(self, **conf: Any) -> DagRun:
        return self.airflow.wait_for_run(self.airflow.trigger("log_backfill", conf), seconds=RUN_SECONDS)

    def landed(self, name: str) -> int:
        """How many rows are landed of the objects whose address contains a name."""
        (row,) = self.query(
            f"SELECT COUNT(*) AS n FROM {self.stack.dataset}.backfilled_requests"
            f" WHERE {every_row('backfilled_requests')} AND source_uri LIKE '%{name}%'"
        )
        return int(row["n"])

    def note(self, run: DagRun) -> str:
        """What the run says of itself."""
        found = self.airflow.request("GET", f"/dags/{run.dag_id}/dagRuns/{quote(run.run_id, safe='')}")
        return str(found["note"])

    def tries(self, run: DagRun) -> dict[tuple[str, int], int]:
        """The number of the latest try of each task; where another run is in the way, a task tries again by itself."""
        tasks = self.airflow.tasks(run.dag_id, run.run_id)
        return {(task.task_id, task.map_index): task.try_number for task in tasks}

    def settle(self) -> None:
        """Wait until every daily_summary run that the backfills have started has ended, and check that it succeeded."""
        at_rest = partial(self.airflow.has_settled, "daily_summary")
        wait_for(at_rest, seconds=RUN_SECONDS, what="the daily_summary runs", pause=1)
        failed = [run for run in self.airflow.runs("daily_summary") if run.state != "success"]
        assert not failed, [self.airflow.why_failed(run) for run in failed]

    def upload(self, name: str, content: bytes) -> None:
        client = self.stack.storage()
        try:
            client.bucket(self.stack.bucket).blob(name).upload_from_string(content)
        finally:
            client.close()


@pytest.fixture(scope="module")
def pipeline(airflow_stack: RunningStack) -> Iterator[Pipeline]:
    """Provisioned, with three generated days backfilled once."""
    with AirflowApi.of(airflow_stack.config) as airflow:
        airflow.wait_for_dags(("provision", "log_backfill", "daily_summary"), seconds=RUN_SECONDS)
        provisioned = airflow.wait_for_run(airflow.trigger("provision"), seconds=RUN_SECONDS)
        assert provisioned.state == "success", airflow.why_failed(provisioned)
        options = {"start_date": DAYS[0], "days": len(DAYS), "lines_per_day": LINES_PER_DAY}
        airflow_stack.generate_logs(**options, seed=7, bad_share=0.02, files_per_day=2)
        client = airflow_stack.storage()
        truth = json.loads(client.bucket(airflow_stack.bucket).blob("truth.json").download_as_bytes())
        client.close()
        run = airflow.wait_for_run(airflow.trigger("log_backfill", RANGE), seconds=RUN_SECONDS)
        assert run.state == "success", airflow.why_failed(run)
        pipeline = Pipeline(airflow_stack, airflow, truth, run)
        pipeline.settle()
        yield pipeline


def test_every_figure_is_the_generators_truth(pipeline: Pipeline) -> None:
    dataset = pipeline.stack.dataset
    summary = {
        str(row["log_date"]): row for row in pipeline.query(f"SELECT * FROM {dataset}.daily_summary ORDER BY log_date")
    }
    assert sorted(summary) == sorted(DAYS)
    for day, truth in pipeline.truth["days"].items():
        assert summary[day]["requests"] == truth["rows"]
        assert summary[day]["bytes"] == truth["body_bytes_sent"]
        statuses = {
            str(row["status"]): row["requests"]
            for row in pipeline.query(f"SELECT * FROM {dataset}.daily_statuses WHERE log_date = '{day}'")
        }
        assert statuses == truth["statuses"]
        hours = {
            row["hour"]: row["requests"]
            for row in pipeline.query(
                "SELECT EXTRACT(HOUR FROM hour) AS hour, requests"
                f" FROM {dataset}.hourly_traffic WHERE log_date = '{day}'"
            )
        }
        assert [hours.get(hour, 0) for hour in range(24)] == truth["hours"]
    reasons = {
        row["error_type"]: row["lines"]
        for row in pipeline.query(f"SELECT error_type, COUNT(*) AS `lines` FROM {dataset}.rejected_lines GROUP BY 1")
    }
    assert reasons == pipeline.truth["totals"]["rejected_by_reason"]


def test_the_ledger_accounts_for_every_line(pipeline: Pipeline) -> None:
    ledger = pipeline.query(
        f"SELECT * FROM {pipeline.stack.dataset}.ledger WHERE run_id = '{pipeline.first_run.run_id}'"
    )
    assert len(ledger) == 2 * len(DAYS)
    assert all(row["lines"] == row["rows"] + row["rejected"] + row["blank"] for row in ledger)
    for name in ("lines", "rows", "rejected", "blank", "bytes"):
        assert sum(row[name] for row in ledger) == pipeline.truth["totals"][name]


def test_the_run_says_what_became_of_its_lines(pipeline: Pipeline) -> None:
    run, totals = pipeline.first_run, pipeline.truth["totals"]
    figures = f"{totals['rows']:,} rows + {totals['rejected']:,} rejected + {totals['blank']:,} blank"
    assert pipeline.note(run).startswith(f"{totals['lines']:,} lines of {2 * len(DAYS)} objects = {figures}; ")


def test_the_same_tables_however_often_and_in_whatever_order(pipeline: Pipeline) -> None:
    before = pipeline.checksums()

    with ThreadPoolExecutor(2) as at_once:  # two triggers for the same day
        runs = list(at_once.map(lambda _: pipeline.backfill(start_date=DAYS[2]), range(2)))
    runs.append(pipeline.backfill(start_date=DAYS[1], end_date=DAYS[2], max_parallel_days=1))
    assert {run.state for run in runs} == {"success"}, [pipeline.airflow.why_failed(run) for run in runs]
    pipeline.settle()

    assert pipeline.checksums() == before
    assert pipeline.query(
        f"SELECT COUNT(*) AS unbalanced FROM {pipeline.stack.dataset}.ledger WHERE lines != `rows` + rejected + blank"
    ) == [{"unbalanced": 0}]
    reconciled = pipeline.query(f"SELECT status, lines, landed FROM {pipeline.stack.dataset}.reconciliation")
    assert {row["status"] for row in reconciled} == {"balanced"}
    assert sum(row["lines"] for row in reconciled) == pipeline.truth["totals"]["lines"]
    kept = pipeline.query(f"SELECT DISTINCT dag_id, gate, level, passed FROM {pipeline.stack.dataset}.quality_checks")
    assert {row["gate"] for row in kept} >= {"backfilled_requests", "landing", "requests", "daily_summary"}
    assert not [
        row for row in kept if row["dag_id"] == "daily_summary" and row["level"] == "fail" and not row["passed"]
    ]


def test_a_late_line_makes_its_day_be_rebuilt_by_itself(pipeline: Pipeline) -> None:
    """Yesterday, of which the stream has brought a line; its ledger alone says so."""
    dataset = pipeline.stack.dataset
    day = pipeline.query("SELECT CAST(DATE_SUB(CURRENT_DATE(), INTERVAL 1 DAY) AS STRING) AS day")[0]["day"]
    names = "log_date, timestamp, event_id, source, source_uri, ingested_at"
    pipeline.query(
        f"INSERT INTO {dataset}.streamed_requests ({names}) SELECT DATE '{day}', TIMESTAMP '{day} 10:00:00+00', 'late',"
        " 'stream', 's', CURRENT_TIMESTAMP()"
    )
    pipeline.query(
        f"INSERT INTO {dataset}.stream_batches (batch_id, job_id, source_uri, log_date, messages, lines, `rows`, "
        f"rejected, blank, bytes, ingested_at) SELECT 'late', 'job', 's', DATE '{day}', 0, 1, 1, 0, 0, 0, ingested_at "
        f"FROM {dataset}.streamed_requests WHERE log_date = '{day}'"
    )
    run = pipeline.airflow.wait_for_run(pipeline.airflow.trigger("late_lines"), seconds=RUN_SECONDS)
    assert run.state == "success", pipeline.airflow.why_failed(run)
    pipeline.settle()
    assert pipeline.query(f"SELECT event_id FROM {dataset}.requests WHERE log_date = '{day}'") == [{"event_id": "late"}]
    forget_day(pipeline.stack, day, sources="s")


def test_cleared_tasks_give_the_same_tables(pipeline: Pipeline) -> None:
    """Each task of the unit in turn, with all that follows it."""
    before = pipeline.checksums()
    run = pipeline.first_run
    tried: dict[str, list[bool]] = {}
    for step in ("parse", "load", "land", "report"):
        tries = pipeline.tries(run)
        pipeline.airflow.clear(run, [f"unit.{step}"])
        run = pipeline.airflow.wait_for_run(run, seconds=RUN_SECONDS)
        assert run.state == "success", pipeline.airflow.why_failed(run)
        again = {task: number > tries[task] for task, number in pipeline.tries(run).items()}
        tried[step] = [again[f"unit.{name}", 0] for name in ("parse", "load", "land", "report")]
    # With what needs the staging tables their load is cleared: they were dropped.
    assert tried == {
        "parse": [True, True, True, True],
        "load": [False, True, True, True],
        "land": [False, True, True, True],
        "report": [False, True, False, True],
    }
    pipeline.settle()
    assert pipeline.checksums() == before


def test_a_dry_run_lists_and_starts_nothing(pipeline: Pipeline) -> None:
    run = pipeline.backfill(**RANGE, dry_run=True)
    assert run.state == "success"
    tasks = pipeline.airflow.tasks(run.dag_id, run.run_id)
    assert {task.state for task in tasks if task.task_id != "plan"} <= {"skipped", None}
    log = pipeline.airflow.log(run, next(task for task in tasks if task.task_id == "plan"))
    for day in DAYS:
        assert f"gs://{pipeline.stack.bucket}/logs/{day}/*" in log
    assert str(pipeline.truth["totals"]["bytes"]) in log.replace(",", "")


def test_the_airflow_command_starts_a_run(pipeline: Pipeline) -> None:
    conf = json.dumps({"start_date": DAYS[0], "end_date": DAYS[0], "dry_run": True})
    subprocess.run(
        ["airflow", "dags", "trigger", "log_backfill", "--run-id", "by-command", "--conf", conf],
        env=pipeline.stack.process_env,
        check=True,
        capture_output=True,
        timeout=400,
    )
    run = pipeline.airflow.wait_for_run(pipeline.airflow.run("log_backfill", "by-command"), seconds=RUN_SECONDS)
    assert run.state == "success"


GOOD_LINE = b'192.0.2.7 - - [01/Mar/2024:00:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "curl/8.0"\n'
BAD_FILES = {
    "truncated": gzip.compress(GOOD_LINE * 5_000)[:-40],
    "binary": bytes(range(256)) * 400,
    "empty": b"",
    "long": b"x" * 10_000_000,
}
BAD_INPUT: dict[str, tuple[dict[str, Any], str]] = {
    "end before start": (
        {"start_date": "2024-03-01", "end_date": "2024-02-01"},
        "end_date 2024-02-01 is before start_date 2024-03-01",
    ),
    "matches nothing": (
        {**RANGE, "source": "gs://{bucket}/elsewhere/{{date}}/*"},
        "no object matches gs://{bucket}/elsewhere/2024-02-28/*",
    ),
    "unknown format": ({**RANGE, "log_format": "morse"}, "log_format 'morse' is unknown"),
    "missing bucket": ({"source": "gs://no-such-bucket/logs/*"}, "no-such-bucket"),
    "unknown param": ({"strat_date": "2024-03-01"}, "unknown parameter 'strat_date'"),
    "truncated gzip": (
        {"source": "gs://{bucket}/bad/truncated"},
        "gs://{bucket}/bad/truncated: the gzip stream ends too early; upload it again",
    ),
    "binary file": ({"source": "gs://{bucket}/bad/binary"}, "gs://{bucket}/bad/binary"),
    "empty file": ({"source": "gs://{bucket}/bad/empty"}, "nothing is replaced with nothing unless allow_empty is set"),
    "10 MB line": (
        {"source": "gs://{bucket}/bad/long", "log_format": "combined"},
        "share of rejected lines",
    ),
}


@pytest.fixture(scope="module")
def refused(pipeline: Pipeline) -> dict[str, DagRun]:
    """Every bad input triggered at once, none awaited yet."""
    for name, content in BAD_FILES.items():
        pipeline.upload(f"bad/{name}", content)

    def fill(value: Any) -> Any:
        return value.format(bucket=pipeline.stack.bucket) if isinstance(value, str) and "{bucket}" in value else value

    return {
        name: pipeline.airflow.trigger("log_backfill", {key: fill(value) for key, value in conf.items()})
        for name, (conf, _) in BAD_INPUT.items()
    }


@pytest.mark.parametrize("name", BAD_INPUT)
def test_bad_input_fails_with_one_clear_line(pipeline: Pipeline, refused: dict[str, DagRun], name: str) -> None:
    run = pipeline.airflow.wait_for_run(refused[name], seconds=RUN_SECONDS)
    assert run.state == "failed"
    said = pipeline.airflow.why_failed(run)
    assert BAD_INPUT[name][1].replace("{bucket}", pipeline.stack.bucket) in said
    dataset = pipeline.stack.dataset
    assert (
        pipeline.query(
            f"SELECT source_uri FROM {dataset}.backfilled_requests"
            f" WHERE {every_row('backfilled_requests')} AND source_uri LIKE '%/bad/%'"
        )
        == []
    )


def test_a_corrected_file_is_read_by_a_run_of_new_files(pipeline: Pipeline, refused: dict[str, DagRun]) -> None:
    """What docs/operations.md says under failed-backfill."""
    pipeline.airflow.wait_for_run(refused["truncated gzip"], seconds=RUN_SECONDS)
    pipeline.upload("bad/truncated", gzip.compress(GOOD_LINE * 5_000))
    source = f"gs://{pipeline.stack.bucket}/bad/[bt]*"
    ended = pipeline.backfill(source=source, new_only=True)
    assert ended.state == "success", pipeline.airflow.why_failed(ended)
    assert pipeline.landed("bad/truncated") == 5_000
    again = pipeline.backfill(source=source, new_only=True)
    assert pipeline.note(again) == "Every file had been read before. Nothing was replaced.", (
        "the binary file is known, and left alone"
    )
    pipeline.settle()


def test_an_unreadable_file_is_named_while_the_others_land(pipeline: Pipeline) -> None:
    pipeline.upload("some/2024-05-01/good.log", GOOD_LINE * 10)
    pipeline.upload("some/2024-05-01/cut.gz", gzip.compress(GOOD_LINE * 7))
    source = {"source": f"gs://{pipeline.stack.bucket}/some/{{date}}/*", "start_date": "2024-05-01"}
    assert pipeline.backfill(**source).state == "success"
    pipeline.upload("some/2024-05-01/good.log", GOOD_LINE * 20)
    pipeline.upload("some/2024-05-01/cut.gz", BAD_FILES["truncated"])

    stopped = pipeline.backfill(**source, unreadable="stop")
    assert stopped.state == "failed"
    assert "unit.parse" in pipeline.note(stopped)
    assert (pipeline.landed("good.log"), pipeline.landed("cut.gz")) == (10, 7)

    set_aside = pipeline.backfill(**source)
    assert set_aside.state == "failed"
    reason = (
        f"1 of 2 objects could not be read; the others have landed: gs://{pipeline.stack.bucket}/some/2024-05-01/cut.gz"
    )
    assert reason in pipeline.note(set_aside)
    assert "20 lines of 1 object = 20 rows" in pipeline.note(set_aside)
    assert (pipeline.landed("good.log"), pipeline.landed("cut.gz")) == (20, 7)
    pipeline.settle()


def test_no_task_of_any_age_puts_older_content_back(pipeline: Pipeline) -> None:
    pipeline.upload("aged/a.log", GOOD_LINE * 10)
    source = f"gs://{pipeline.stack.bucket}/aged/*"
    old = pipeline.backfill(source=source)
    pipeline.upload("aged/a.log", GOOD_LINE * 30)
    assert pipeline.backfill(source=source).state == "success"
    said = {"land": "source objects of which a newer generation has landed", "parse": "aged/a.log: "}
    for step, line in said.items():
        pipeline.airflow.clear(old, [f"unit.{step}"])
        ended = pipeline.airflow.wait_for_run(old, seconds=RUN_SECONDS)
        assert ended.state == "failed"
        assert line in pipeline.airflow.why_failed(ended)
        assert pipeline.landed("aged/a.log") == 30
    pipeline.airflow.clear(old, ["plan"])
    ended = pipeline.airflow.wait_for_run(old, seconds=RUN_SECONDS)
    assert ended.state == "success", pipeline.airflow.why_failed(ended)
    assert pipeline.landed("aged/a.log") == 30
    pipeline.settle()
    assert {row["status"] for row in pipeline.query(f"SELECT status FROM {pipeline.stack.dataset}.reconciliation")} == {
        "balanced"
    }


def test_rows_of_a_deleted_file_stay_until_they_are_removed(pipeline: Pipeline) -> None:
    for name in ("a", "b"):
        pipeline.upload(f"gone/{name}.log", GOOD_LINE * 10)
    source = f"gs://{pipeline.stack.bucket}/gone/*"
    first = pipeline.backfill(source=source)
    client = pipeline.stack.storage()
    for name in ("a", "b"):
        client.bucket(pipeline.stack.bucket).blob(f"gone/{name}.log").delete()
        ended = pipeline.backfill(source=source, remove_deleted=True, max_parallel_days=1)
        assert ended.state == "success", pipeline.airflow.why_failed(ended)
        assert pipeline.landed(f"gone/{name}.log") == 0
    client.close()
    pipeline.airflow.clear(first, ["unit.land"])
    assert pipeline.airflow.wait_for_run(first, seconds=RUN_SECONDS).state == "success"
    assert pipeline.landed("gone/") == 0
    pipeline.settle()


def test_a_run_waits_for_its_files_without_a_worker(pipeline: Pipeline) -> None:
    days = {"start_date": "2024-06-01", "end_date": "2024-06-02", "wait_for_files": True}
    run = pipeline.airflow.trigger(
        "log_backfill", {**days, "source": f"gs://{pipeline.stack.bucket}/late/{{date}}.log"}
    )
    for day in ("2024-06-02", "2024-06-01"):
        wait_for(
            lambda: pipeline.airflow.tasks(run.dag_id, run.run_id)[0].state == "deferred",
            seconds=RUN_SECONDS,
            what="the plan to wait",
        )
        pipeline.upload(f"late/{day}.log", GOOD_LINE * 10)
    ended = pipeline.airflow.wait_for_run(run, seconds=RUN_SECONDS)
    assert ended.state == "success", pipeline.airflow.why_failed(ended)
    assert pipeline.landed("late/") == 20
    pipeline.settle()


def test_a_ledger_that_does_not_balance_replaces_nothing(pipeline: Pipeline) -> None:
    before = pipeline.checksums()
    output = pipeline.airflow.xcom(pipeline.first_run, "plan")[0]["output"]
    name = output.removeprefix(f"gs://{pipeline.stack.bucket}/") + "/ledger/ledger.parquet"
    client = pipeline.stack.storage()
    ledger = pq.read_table(io.BytesIO(client.bucket(pipeline.stack.bucket).blob(name).download_as_bytes()))
    client.close()
    lines = pa.array([ledger["lines"][0].as_py() + 1, *ledger["lines"][1:].to_pylist()])
    spoilt = io.BytesIO()
    pq.write_table(ledger.set_column(ledger.schema.get_field_index("lines"), "lines", lines), spoilt)
    pipeline.upload(name, spoilt.getvalue())

    pipeline.airflow.clear(pipeline.first_run, ["unit.land"])
    ended = pipeline.airflow.wait_for_run(pipeline.first_run, seconds=RUN_SECONDS)

    assert ended.state == "failed"
    assert "unit.land" in pipeline.airflow.why_failed(ended)
    assert "lines = rows + rejected + blank" in pipeline.airflow.why_failed(ended)
    assert pipeline.checksums() == before


def test_a_real_log(pipeline: Pipeline, real_logs: Path) -> None:
    pipeline.upload("real/access.log", (real_logs / "semicomplete-2015-05.access.log").read_bytes())
    run = pipeline.backfill(source=f"gs://{pipeline.stack.bucket}/real/*")
    assert run.state == "success", pipeline.airflow.why_failed(run)
    pipeline.settle()
    dataset = pipeline.stack.dataset
    days = "log_date BETWEEN '2015-05-17' AND '2015-05-20'"
    assert {
        str(row["log_date"]): row["requests"]
        for row in pipeline.query(f"SELECT log_date, requests FROM {dataset}.daily_summary WHERE {days}")
    } == {"2015-05-17": 1632, "2015-05-18": 2893, "2015-05-19": 2896, "2015-05-20": 2578}
    statuses = pipeline.query(
        f"SELECT status, SUM(requests) AS requests FROM {dataset}.daily_statuses WHERE {days} GROUP BY status"
    )
    # The README of the data counts the rejected line's status too, a 200.
    assert {row["status"]: row["requests"] for row in statuses} == {
        200: 9125,
        304: 445,
        404: 213,
        301: 164,
        206: 45,
        500: 3,
        416: 2,
        403: 2,
    }
    repeated = pipeline.query(
        f"SELECT raw_line_hash, COUNT(*) AS times FROM {dataset}.requests WHERE {days} GROUP BY 1 HAVING times > 1"
    )
    assert len(repeated) == 17
    rejected = pipeline.query(
        f"SELECT raw_line, error_type FROM {dataset}.rejected_lines WHERE source_uri LIKE '%/real/%'"
    )
    assert len(rejected) == 1
    assert b"[20/May/2015:12:05:17 +0000]" in rejected[0]["raw_line"]


def test_a_backfill_killed_with_its_workers_leaves_the_old_day_or_the_new_one(pipeline: Pipeline) -> None:
    """Airflow's scheduler, its workers and their tasks are killed at once, at a step and a moment drawn at random."""
    draw = random.Random(SEED)
    step, seconds = f"unit.{draw.choice(STEPS)}", draw.uniform(0, 1.5)
    print(f"CHAOS_SEED={SEED}: killed {seconds:.1f} s after the start of {step}")
    dataset, day = pipeline.stack.dataset, DAYS[2]
    landed = (
        f"SELECT source_uri, COUNT(*) AS landed FROM {dataset}.backfilled_requests WHERE log_date = '{day}'"
        f" AND source_uri LIKE '%/logs/{day}/%' GROUP BY source_uri ORDER BY source_uri"
    )
    old = pipeline.query(landed)
    assert old
    new = [{**row, "landed": 2 * row["landed"]} for row in old]
    client = pipeline.stack.storage()
    for blob in client.list_blobs(pipeline.stack.bucket, prefix=f"logs/{day}/"):
        pipeline.upload(blob.name, 2 * blob.download_as_bytes())
    client.close()

    run = pipeline.airflow.trigger("log_backfill", {"start_date": day})
    wait_for(
        lambda: any(
            task.task_id == step and task.state not in (None, "scheduled", "queued")
            for task in pipeline.airflow.tasks(run.dag_id, run.run_id)
        ),
        seconds=RUN_SECONDS,
        what=f"the start of {step}",
        pause=0.1,
    )
    time.sleep(seconds)
    pipeline.stack.kill("airflow-scheduler", seconds=240, with_children=True)
    seen = []
    run = pipeline.airflow.wait_for_run(run, seconds=RUN_SECONDS, watch=lambda _: seen.append(pipeline.query(landed)))

    assert run.state == "success", pipeline.airflow.why_failed(run)
    assert all(found in (old, new) for found in seen), seen
    assert seen[-1] == new
    pipeline.settle()
    assert pipeline.query(f"SELECT status FROM {dataset}.reconciliation WHERE log_date = '{day}'") == [
        {"status": "balanced"}
    ]
