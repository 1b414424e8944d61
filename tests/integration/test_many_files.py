"""Units and load jobs beyond their limits, which are lowered here: `make bench NAMES=landing` has the real ones."""

import pytest

from local_stack.running import RunningStack
from tests.backfill_tasks import run_backfill

pytestmark = pytest.mark.integration

DAY = "2019-03-05"
LINE = '192.0.2.7 - - [05/Mar/2019:10:05:03 +0000] "GET /{} HTTP/1.1" 200 5 "-" "curl/8.0"\n'
OBJECTS, LINES = 15, 20


@pytest.fixture
def logs(emulators: RunningStack) -> RunningStack:
    with emulators.storage() as storage:
        bucket = storage.bucket(emulators.bucket)
        if not bucket.exists():
            bucket.create()
        for number in range(OBJECTS):
            content = "".join(LINE.format(f"{number}/{line}") for line in range(LINES))
            bucket.blob(f"many/{DAY}/{number:02}.log").upload_from_string(content)
    return emulators


def test_more_objects_than_a_unit_reads_and_more_files_than_a_job_loads(logs: RunningStack) -> None:
    source = f"gs://{logs.bucket}/many/{{date}}/*.log"
    params = {"start_date": DAY, "end_date": DAY, "source": source}
    tasks = run_backfill(logs, params, max_objects=10, max_files=3, block_bytes=1024)
    planned = next(task["returned"] for task in tasks if task["task"] == "plan")
    assert [unit["objects"] for unit in planned] == [10, 5]
    with logs.bigquery() as client:
        counts = "COUNT(*) AS n, COUNT(DISTINCT event_id) AS ids, COUNT(DISTINCT source_uri) AS objects"
        where = f"log_date = '{DAY}' AND source_uri LIKE 'gs://{logs.bucket}/many/%'"
        (row,) = client.query_and_wait(f"SELECT {counts} FROM {logs.dataset}.backfilled_requests WHERE {where}")
        jobs = [job for job in client.list_jobs(max_results=1000) if job.job_id.startswith("logline_rows_2019_03_05")]
    assert dict(row.items()) == {"n": OBJECTS * LINES, "ids": OBJECTS * LINES, "objects": OBJECTS}
    assert max(len(job.source_uris) for job in jobs) <= 3 < sum(len(job.source_uris) for job in jobs)
