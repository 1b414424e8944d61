"""A job's counters, in the file where the Dataflow emulator reads them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TypedDict

from beam_jobs.storage.files import write_object

METRICS_NAMESPACE = "logline"
_METRICS_FILE = "DATAFLOW_EMULATOR_METRICS_FILE"


class Counter(TypedDict):
    """One value of one step."""

    namespace: str
    name: str
    step: str
    value: int


def write_counters(counters: Iterable[Counter]) -> None:
    """Replace the emulator's file atomically; do nothing where the emulator does not run the job.

    Raises:
        OutputError: the file cannot be written.
    """
    path = os.environ.get(_METRICS_FILE)
    if path:
        write_object(str(Path(path).absolute()), json.dumps({"counters": list(counters)}).encode())
