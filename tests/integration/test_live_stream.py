"""The streaming job through the Dataflow emulator: launched, updated, killed, drained, all under load."""

from pathlib import Path

import pytest

from local_stack.clients.dataflow import RUNNING, DataflowError
from local_stack.running import RunningStack
from tests.live_stream import LiveStream, eventually, ids_of, read_truth

pytestmark = pytest.mark.integration


def test_launch_update_kill_and_drain_lose_nothing(emulators: RunningStack, tmp_path: Path) -> None:
    truth_files = tmp_path / "before.json", tmp_path / "after.json"
    shares = {"bad_share": 0.05, "duplicate_share": 0.02}
    with LiveStream(emulators, "live-stream") as stream:
        stream.provision()
        first = stream.launch(version="1")
        stream.wait_until_running(first)
        with pytest.raises(DataflowError, match=r"refused POST .* \(409\): .*already an active job named live-stream"):
            stream.launch(version="1")
        assert stream.state(first) == RUNNING

        with stream.publishing(truth_files[0], messages=3000, rate=300, seed=3, **shares):
            eventually(lambda: stream.count("streamed_requests"))
            second = stream.launch(version="2", update=True)
            eventually(lambda: stream.state(first) == "JOB_STATE_UPDATED")
            assert len(stream.processes()) <= 1
            stream.wait_until_running(second)
        # However fast or slow the first job was, the second has lines of its own.
        with stream.publishing(truth_files[1], messages=3000, rate=300, seed=4, **shares):
            eventually(lambda: stream.dataflow.counters(second)["rows"])

            (process,) = stream.processes()
            process.kill()
            eventually(lambda: stream.state(second) == "JOB_STATE_FAILED")
            third = stream.launch(version="2")
            stream.wait_until_running(third)
        truths = [read_truth(file) for file in truth_files]
        wanted = {
            table: set.union(*(ids_of(truth, fate) for truth in truths))
            for table, fate in (("streamed_requests", "row"), ("rejected_streamed", "rejected"))
        }
        eventually(lambda: all(stream.count(table) == len(ids) for table, ids in wanted.items()))
        stream.drain(third)
        assert stream.state(third) == "JOB_STATE_DRAINED"
        assert stream.processes() == []
        for table, ids in wanted.items():
            assert set(stream.event_ids(table)) == ids
        counters = stream.dataflow.counters(third)
        assert counters["acknowledged"] == counters["messages"]
