"""Everything the stream is made of is killed, again and again, while 100,000 messages are on their way."""

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from local_stack.clients.dataflow import DataflowError
from local_stack.running import running_stack
from local_stack.supervisor import processes
from tests.live_stream import LiveStream, eventually, ids_of, read_truth
from tests.partitions import every_row
from tests.sql.warehouse import portion_of, render

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

MESSAGES, RATE = 100_000, 2_500
KILLS = 2
LAST_KILL_SECONDS = 40.0
REDELIVERED_SECONDS = 40.0
"""After a kill, what the stream had in hand is delivered again: its lease has ended, and the pause after that."""
SEED = int(os.environ.get("CHAOS_SEED", "20261122"))


@pytest.fixture
def stream(tmp_path: Path) -> Iterator[LiveStream]:
    """A stream on a stack of its own, since its parts are killed."""
    with running_stack(tmp_path / "state", airflow=False) as stack, LiveStream(stack, "chaos") as stream:
        stream.provision()
        stream.wait_until_running(stream.launch())
        yield stream
    assert processes.members(stack.config.state_dir) == []


class Chaos:
    """Kills at seeded random moments, and relaunches the job like a run of stream_supervisor would."""

    def __init__(self, stream: LiveStream, seed: int) -> None:
        moments = random.Random(seed)
        victims = ("stream", "dataflow", "pubsub")
        self.left = sorted((moments.uniform(1, LAST_KILL_SECONDS), victim) for victim in victims for _ in range(KILLS))
        self.killed: list[tuple[float, str]] = []
        self.stream_killed = 0.0
        self.launches = 1
        self._killed_pids: set[int] = set()
        self._stream = stream
        self._begun = time.monotonic()

    def step(self) -> None:
        elapsed = time.monotonic() - self._begun
        for moment, victim in [due for due in self.left if due[0] <= elapsed]:
            if self._kill(victim):
                self.left.remove((moment, victim))
                self.killed.append((round(elapsed, 1), victim))
        assert len(self._stream.processes()) <= 1
        try:
            if not any(job.is_active for job in self._stream.jobs()):
                self._stream.launch()
                self.launches += 1
        except DataflowError:  # it was killed a moment ago
            return

    def _kill(self, victim: str) -> bool:
        """Kill a process; False where it is not there yet since it was killed last."""
        if victim == "stream":
            running = self._stream.processes()
            self.stream_killed = time.monotonic()
        else:
            component = self._stream.stack.component(victim)
            is_known = component.pid in self._killed_pids  # the supervisor has yet to see that it is dead
            running = [psutil.Process(component.pid)] if component.status == "up" and not is_known else []
        for process in running:
            process.kill()
            self._killed_pids.add(process.pid)
        return bool(running)


def test_every_event_is_there_exactly_once_whatever_is_killed(stream: LiveStream, tmp_path: Path) -> None:
    truth_file = tmp_path / "truth.json"
    shares = {"bad_share": 0.05, "duplicate_share": 0.02, "late_share": 0.01, "out_of_order_share": 0.05}
    with stream.publishing(truth_file, messages=MESSAGES, rate=RATE, seed=SEED, **shares):
        chaos = Chaos(stream, SEED)
        print(f"CHAOS_SEED={SEED}: {chaos.left}")
        while chaos.left:
            chaos.step()
            time.sleep(0.2)
    truth = read_truth(truth_file)
    assert len(truth["events"]) == MESSAGES
    rows, rejected = ids_of(truth, "row"), ids_of(truth, "rejected")

    def landed() -> tuple[int, int]:
        chaos.step()
        return stream.count("streamed_requests"), stream.count("rejected_streamed")

    published = time.monotonic()
    eventually(lambda: landed() == (len(rows), len(rejected)), seconds=300)
    print(
        f"killed {chaos.killed}, launched {chaos.launches} times, all there after {time.monotonic() - published:.1f} s"
    )

    def is_back(name: str) -> bool:
        component = stream.stack.component(name)
        return (component.restarts, component.status) == (KILLS, "up")

    def settled() -> bool:
        chaos.step()
        return time.monotonic() - chaos.stream_killed > REDELIVERED_SECONDS and len(stream.processes()) == 1

    for name in ("dataflow", "pubsub"):
        eventually(lambda name=name: is_back(name))
    eventually(settled)
    (job,) = [job for job in stream.jobs() if job.is_active]
    eventually(lambda: stream.dataflow.counters(job.id).get("unacknowledged_messages") == 0)
    stream.drain(job.id)
    assert stream.unacknowledged() == 0

    for day in truth["rows_by_date"]:
        names = {"dataset": stream.dataset, "run_id": "chaos", "max_rejected_percent": 10, **portion_of(day).values()}
        stream.query(render("requests/rebuild.sql", **names))
        for gate in ("landing", "requests"):
            checks = stream.query(render(f"{gate}/checks.sql", **names))
            assert checks
            assert [check for check in checks if check["level"] == "fail" and not check["passed"]] == []
        print(next(f"{day}: {check['message']}" for check in checks if check["check_name"].startswith("landed")))

    # The ledger says the same: all that was published, and at most as much as was landed, copies included.
    stream.query(render("ledger/fold_stream.sql", **names))
    sums = "SUM(lines) AS lines, SUM(`rows`) AS good, SUM(rejected) AS rejected, SUM(blank) AS blank"
    (ledger,) = stream.query(f"SELECT {sums} FROM {stream.dataset}.ledger WHERE source = 'stream'")
    print(f"ledger: {ledger}")
    assert ledger["lines"] == ledger["good"] + ledger["rejected"] + ledger["blank"]
    assert len(rows) <= ledger["good"] <= len(stream.event_ids("streamed_requests"))
    assert len(rejected) <= ledger["rejected"] <= len(stream.event_ids("rejected_streamed"))
    reconciled = stream.query(f"SELECT * FROM {stream.dataset}.reconciliation ORDER BY log_date")
    assert sum(day["lines"] for day in reconciled) == ledger["lines"]
    assert sum(day["requests"] for day in reconciled) == len(rows)
    assert {day["status"] for day in reconciled} == {"balanced"}
    assert sum(day["in_flight"] for day in reconciled) == 0
    by_day = stream.query(
        f"SELECT log_date, COUNT(*) AS n FROM {stream.dataset}.requests WHERE {every_row('requests')} GROUP BY log_date"
    )
    assert {str(row["log_date"]): row["n"] for row in by_day} == truth["rows_by_date"]
    requests = stream.event_ids("requests")
    assert len(requests) == len(rows)
    assert set(requests) == rows
    assert set(stream.event_ids("rejected_streamed")) == rejected
