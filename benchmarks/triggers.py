"""200 runs triggered over REST, five a second, on a running stack: ``python -m benchmarks.triggers``.

On a stack of its own with a real Airflow: what Airflow answers, how long the longest answer takes, and how long the API
server's other readers wait meanwhile.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.table import machine
from local_stack.clients.airflow import AirflowApi, AirflowError
from local_stack.running import RunningStack, running_stack

TRIGGERS = 200
A_SECOND = 5
MAX_SECONDS = 2.0
DAG = "late_lines"
CONF: dict[str, object] = {}


def main() -> None:
    """Measure and print; exit non-zero where a trigger is refused or an answer takes too long."""
    with tempfile.TemporaryDirectory() as folder, running_stack(Path(folder) / "state", airflow=True) as stack:
        with stack.airflow() as airflow:
            airflow.wait_for_run(airflow.trigger("provision"), seconds=600)
        took, read, refused = _measure(stack)
    print(f"{TRIGGERS} triggers of {DAG}, {A_SECOND} a second: {machine()}")
    for name, seconds in (("trigger", took), ("read", read)):
        p50, p95 = (statistics.quantiles(seconds, n=20)[index] for index in (9, 18))
        print(f"  {name:8} {len(seconds):4} answers  p50 {p50:.2f} s  p95 {p95:.2f} s  longest {max(seconds):.2f} s")
    longest = max(*took, *read)
    print(f"  no refusal: {'met' if not refused else 'MISSED'} ({len(refused)} of {TRIGGERS} refused)")
    print(f"  no answer over {MAX_SECONDS:.0f} s: {'met' if longest <= MAX_SECONDS else 'MISSED'}")
    if refused or longest > MAX_SECONDS:
        sys.exit("; ".join(refused[:1]) or f"an answer took {longest:.1f} s")


def _measure(stack: RunningStack) -> tuple[list[float], list[float], list[str]]:
    took: list[float] = []
    read: list[float] = []
    refused: list[str] = []
    done = threading.Event()

    def trigger(airflow: AirflowApi) -> None:
        begun = time.monotonic()
        try:
            airflow.trigger(DAG, CONF)
        except AirflowError as error:
            refused.append(str(error))
        took.append(time.monotonic() - begun)

    def keep_reading() -> None:
        with stack.airflow() as airflow:
            while not done.wait(0.2):
                begun = time.monotonic()
                airflow.request("GET", "/dags")
                read.append(time.monotonic() - begun)

    with stack.airflow() as airflow, ThreadPoolExecutor(A_SECOND * 10) as pool:
        airflow.request("GET", "/dags")
        reader = pool.submit(keep_reading)
        asked = []
        begun = time.monotonic()
        for number in range(TRIGGERS):
            time.sleep(max(0.0, begun + number / A_SECOND - time.monotonic()))
            asked.append(pool.submit(trigger, airflow))
        for one in asked:
            one.result()
        done.set()
        reader.result()
    return took, read, refused


if __name__ == "__main__":
    main()
