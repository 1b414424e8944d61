"""Jobs that are forgotten in the end, for the BigQuery emulator.

bqemulator 1.4.0 keeps the result of every query in memory, and the record of every job in memory and on disk, until
it is told to delete them. The service forgets results after a day and jobs after 180. Here the newest are kept; what
is asked of an older one is answered with status 404.

DuckDB 1.5.5 makes an Arrow table with room for a million rows in every column, which a single row holds on to: 200
results of 20 columns reserve 28 GB, and more of it becomes resident the longer a process runs. What is kept is a copy.
"""

from collections.abc import Sequence
from copy import copy
from typing import Any

import pyarrow as pa
from bqemulator.api.routes import jobs as routes
from bqemulator.catalog.models import JobMeta
from bqemulator.jobs import executor
from bqemulator.storage.engine import DuckDBEngine

from emulators.bigquery import records
from emulators.bigquery.expiry import ExpiringTables

MOST_RESULTS = 1_000
MOST_RESULT_BYTES = 512 << 20
MOST_JOBS = 10_000


class Results(dict[str, pa.Table]):
    """Results by the ids of their jobs: the newest one, and as many before it as there is room for."""

    def __init__(self, schemas: dict[str, Any], most: int = MOST_RESULTS, most_bytes: int = MOST_RESULT_BYTES) -> None:
        super().__init__()
        self._schemas = schemas
        self._most = most
        self._most_bytes = most_bytes
        self._sizes: dict[str, int] = {}

    def __setitem__(self, job_id: str, result: pa.Table) -> None:
        """Keep a result as the newest one."""
        self.pop(job_id, None)
        kept = without_spare_room(result)
        super().__setitem__(job_id, kept)
        self._sizes[job_id] = kept.nbytes
        while len(self) > 1 and (len(self) > self._most or sum(self._sizes.values()) > self._most_bytes):
            oldest = next(iter(self))
            self.pop(oldest)
            self._schemas.pop(oldest, None)

    def pop(self, job_id: str, *default: Any) -> Any:
        """Forget a result and return it."""
        self._sizes.pop(job_id, None)
        return super().pop(job_id, *default)


def without_spare_room(table: pa.Table) -> pa.Table:
    """Return a copy whose buffers are as large as what is in them."""
    copies = (pa.ipc.read_record_batch(batch.serialize(), batch.schema) for batch in table.to_batches())
    return pa.Table.from_batches(copies, table.schema)


class Catalog(ExpiringTables):
    """A catalog that forgets the oldest tenth of its jobs where it has too many."""

    most_jobs = MOST_JOBS

    def upsert_job(self, job: JobMeta) -> JobMeta:
        """Enter a job, or what has become of it."""
        self.ensure_ready()
        self._cache.upsert_job(job)
        self._write_job(job)
        self._forget_oldest()
        return job

    def enter_jobs(self, jobs: Sequence[JobMeta]) -> None:
        """Enter jobs whose ids nobody has used."""
        self.ensure_ready()
        for job in jobs:
            self._cache.upsert_job(job)
        records.insert(self._engine, "jobs", [_row(job) for job in jobs])
        self._forget_oldest()

    def write_within(self, transaction: DuckDBEngine, job: JobMeta) -> None:
        """Write the record of a job in a transaction: after a kill both are there or neither is."""
        catalog = copy(self)
        catalog._engine = transaction
        catalog._write_job(job)

    def _write_job(self, job: JobMeta) -> None:
        records.write(self._engine, "jobs", _row(job), ("project_id", "job_id"))

    def _forget_oldest(self) -> None:
        jobs = self._cache._jobs
        if len(jobs) > self.most_jobs:
            by_age = sorted(jobs, key=lambda one: jobs[one].creation_time)
            for project, job_id in by_age[: max(1, self.most_jobs // 10)]:
                self.delete_job(project, job_id)


def _row(job: JobMeta) -> dict[str, Any]:
    return {
        "project_id": job.project_id,
        "job_id": job.job_id,
        "job_type": job.job_type,
        "state": job.state,
        "metadata_json": job.model_dump_json(by_alias=True),
        "creation_time": job.creation_time,
        "start_time": job.start_time,
        "end_time": job.end_time,
        "etag": job.etag,
    }


def patch() -> None:
    """Put both in the place of bqemulator's."""
    results = Results(executor.JOB_SCHEMAS)
    vars(executor)["JOB_RESULTS"] = vars(routes)["JOB_RESULTS"] = results
