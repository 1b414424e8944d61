"""Which results and records of jobs are kept."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import psutil
import pyarrow as pa
import pytest
from bqemulator.catalog.models import JobMeta
from bqemulator.config import PersistenceMode, Settings
from bqemulator.storage.engine import DuckDBEngine

from emulators.bigquery.jobs.kept_jobs import Catalog, Results
from emulators.bigquery.spatial import link_extension


def result(size: int) -> pa.Table:
    return pa.table({"text": ["x" * size]})


def test_the_newest_results_are_kept() -> None:
    schemas = {str(number): [] for number in range(5)}
    results = Results(schemas, most=3)
    for number in range(5):
        results[str(number)] = result(1)
    assert list(results) == list(schemas) == ["2", "3", "4"]


def test_a_result_that_comes_again_is_the_newest() -> None:
    results = Results({}, most=2)
    for name in ("a", "b", "a", "c"):
        results[name] = result(1)
    assert list(results) == ["a", "c"]


def test_large_results_are_forgotten_sooner_but_for_the_newest() -> None:
    results = Results({}, most_bytes=1_000)
    for size, name in ((100, "small"), (600, "large"), (600, "other"), (5_000, "too large")):
        results[name] = result(size)
        assert name in results
    assert list(results) == ["too large"]


def test_a_result_that_was_taken_out_no_longer_counts() -> None:
    results = Results({}, most_bytes=1_000)
    for name in ("a", "b", "c"):
        results[name] = result(600)
        if name == "a":
            assert results.pop(name).num_rows == 1
    results["d"] = result(300)
    assert list(results) == ["c", "d"]


def test_a_result_keeps_no_room_for_rows_that_it_does_not_have() -> None:
    columns = ", ".join(f"{number}::BIGINT AS c{number}" for number in range(20))
    results, process = Results({}), psutil.Process()
    with duckdb.connect() as connection:
        before = process.memory_info().vms
        for number in range(50):
            results[str(number)] = connection.execute(f"SELECT {columns}").to_arrow_table()
        reserved = process.memory_info().vms - before
    assert reserved < 1 << 30
    assert results["49"].to_pylist() == [{f"c{number}": number for number in range(20)}]


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DuckDBEngine]:
    monkeypatch.setenv("HOME", str(tmp_path))
    link_extension(tmp_path)
    engine = DuckDBEngine(Settings(persistence_mode=PersistenceMode.PERSISTENT, data_dir=tmp_path))
    asyncio.run(engine.start())
    yield engine
    asyncio.run(engine.stop())


def job(number: int, state: str = "DONE") -> JobMeta:
    """A job that is as many minutes old."""
    return JobMeta(
        project_id="p",
        job_id=str(number),
        job_type="QUERY",
        state=state,
        creation_time=datetime(2024, 1, 1, tzinfo=UTC) - timedelta(minutes=number),
        configuration={},
        etag="e",
    )


def test_the_oldest_jobs_are_forgotten_on_disk_too(engine: DuckDBEngine) -> None:
    catalog = Catalog(engine)
    catalog.most_jobs = 20
    for number in range(21):
        catalog.upsert_job(job(number))
    again = Catalog(engine)
    for repository in (catalog, again):
        kept = {job.job_id for job in repository.list_jobs("p")}
        assert kept == {str(number) for number in range(19)}


def test_jobs_are_on_disk_as_they_were_entered_last(engine: DuckDBEngine) -> None:
    catalog = Catalog(engine)
    catalog.enter_jobs([])
    catalog.enter_jobs([job(1), job(2)])
    catalog.write_within(engine, job(3))
    for one in (job(3, "RUNNING"), job(2, "RUNNING"), job(4, "RUNNING"), job(4)):
        catalog.upsert_job(one)
    for repository in (catalog, Catalog(engine)):
        states = {one.job_id: one.state for one in repository.list_jobs("p")}
        assert states == {"1": "DONE", "2": "RUNNING", "3": "RUNNING", "4": "DONE"}
