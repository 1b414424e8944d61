"""The job as a process of its own: what is published arrives, whatever is killed meanwhile."""

import json
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from beam_jobs.generate_logs import command as generate_logs
from tests.integration.stream.world import Stream, eventually, good_line

pytestmark = pytest.mark.integration


@pytest.fixture
def jobs(stream: Stream) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """The jobs that a test has started, killed at its end."""
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for job in started:
        job.kill()
        job.wait()


def test_every_event_arrives_once_although_the_job_is_killed(
    stream: Stream, jobs: list["subprocess.Popen[bytes]"], tmp_path
) -> None:
    truth_file = tmp_path / "truth.json"
    publishing = [
        *("--publish", f"--topic={stream.topic}", f"--truth={truth_file}", "--messages=30000", "--rate=1000000"),
        *("--bad_share=0.05", "--duplicate_share=0.02", "--late_share=0.01", "--out_of_order_share=0.05", "--seed=7"),
    ]
    assert generate_logs.main(publishing) == 0
    truth = json.loads(truth_file.read_text())
    jobs.append(stream.start_job())
    eventually(lambda: stream.count("streamed_requests") and stream.metrics_file.exists())
    jobs[0].kill()
    jobs[0].wait()
    killed = time.monotonic()
    stream.metrics_file.unlink()

    jobs.append(stream.start_job())
    wanted = Counter(fate for fate, _ in truth["events"].values())
    for table, fate in (("streamed_requests", "row"), ("rejected_streamed", "rejected")):
        eventually(lambda table=table, fate=fate: stream.count(table) == wanted[fate])
    # What the killed job had in hand comes back when its leases end, after 10 s.
    eventually(lambda: time.monotonic() - killed > 12 and stream.unacknowledged() == 0)
    eventually(lambda: stream.metrics().get("unacknowledged_messages") == 0)
    assert stream.end_job(jobs[1], signal.SIGTERM) == 0

    for table, fate in (("streamed_requests", "row"), ("rejected_streamed", "rejected")):
        assert stream.ids(table) == {event_id for event_id, (known, _) in truth["events"].items() if known == fate}
    by_date = stream.sql(
        "SELECT CAST(log_date AS STRING), COUNT(DISTINCT event_id)"
        f" FROM `{stream.dataset}.streamed_requests` WHERE log_date >= '1970-01-01' GROUP BY 1"
    )
    assert dict(by_date) == truth["rows_by_date"]
    assert stream.unacknowledged() == 0
    metrics = stream.metrics()
    assert metrics["lines"] == metrics["rows"] + metrics["rejected"] + metrics["blank"]
    assert metrics["acknowledged"] == metrics["messages"]


def test_outages_of_bigquery_and_pubsub_lose_nothing(stream: Stream, jobs: list["subprocess.Popen[bytes]"]) -> None:
    jobs.append(stream.start_job())
    stream.publish(**{f"before{n}": good_line(n) for n in range(100)})
    eventually(lambda: stream.metrics().get("acknowledged", 0) >= 100)
    assert stream.count("streamed_requests") == 100

    stream.world.bigquery.kill()
    stream.publish(**{f"without-bigquery{n}": good_line(n) for n in range(100)})
    eventually(lambda: stream.metrics().get("append_retries", 0) > 2)
    eventually(lambda: stream.metrics()["unacknowledged_messages"] >= 100)
    stream.world.pubsub.kill()
    stream.world.pubsub.start()
    stream.world.bigquery.start()
    eventually(lambda: stream.count("streamed_requests") == 200)

    stream.publish(**{f"after{n}": good_line(n) for n in range(100)})
    eventually(lambda: stream.count("streamed_requests") == 300)
    assert stream.end_job(jobs[0], signal.SIGINT) == 0
    assert stream.unacknowledged() == 0
