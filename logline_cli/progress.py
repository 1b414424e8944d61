"""What a command says while it works: lines, and on a terminal one line below them that is written over."""

import shutil
import sys
import time
from typing import TextIO

from beam_jobs.access_log.cli.shown import cut, padded, printable, width
from logline_cli.airflow import ENDED, AirflowApi, AirflowError, DagRun, TaskInstance, error_line

_PAUSE = 1.0
# That Airflow may be away: its API server starts in under a minute here, in some minutes where it is upgraded.
_PATIENCE = 600.0
_AT_WORK = ("running", "deferred", "queued", "up_for_reschedule")


class Screen:
    """Lines on standard output; on a terminal also what is at work now."""

    def __init__(self, output: TextIO | None = None) -> None:
        self._output = output or sys.stdout
        self._terminal = self._output.isatty()
        self._begun = time.monotonic()
        self._width = 0

    def line(self, text: str = "") -> None:
        """Print a line for good."""
        self.clear()
        print("\n".join(map(printable, text.split("\n"))), file=self._output, flush=True)

    def working(self, text: str) -> None:
        """Say what is at work, on a terminal."""
        if self._terminal:
            columns = shutil.get_terminal_size().columns - 1
            shown = cut(f"{time.monotonic() - self._begun:4.0f} s  {text}", columns)
            self._output.write("\r" + padded(shown, self._width))
            self._output.flush()
            self._width = width(shown)

    def clear(self) -> None:
        """Take away what is at work."""
        if self._width:
            self._output.write("\r" + " " * self._width + "\r")
            self._width = 0


def follow(api: AirflowApi, run: DagRun, screen: Screen) -> DagRun:
    """Follow a run to its end: a line for each part that is done or fails; return the run as it ended.

    A part is a task, or all tasks of one unit. Airflow may be away for a while meanwhile.

    Raises:
        AirflowError: it refuses, or has been away for too long.
    """
    told: set[tuple[str, str]] = set()

    def is_new(subject: str, what: str) -> bool:
        known = (subject, what) in told
        told.add((subject, what))
        return not known

    answered = time.monotonic()
    while True:
        try:
            now = api.run(run.dag_id, run.run_id)
            tasks = api.tasks(run.dag_id, run.run_id)
        except AirflowError as error:
            if not error.may_pass or time.monotonic() - answered > _PATIENCE:
                raise
            screen.working(f"asking again: {error}")
            time.sleep(_PAUSE)
            continue
        answered = time.monotonic()
        for task in tasks:
            if task.state in ("failed", "up_for_retry") and is_new(task.label, f"{task.state} {task.try_number}"):
                screen.line(f"  {_failed(api, run, task)}")
        parts = _parts(tasks)
        for part, of_part in parts.items():
            if _is_done(of_part) and any(task.state == "success" for task in of_part) and is_new(part, "done"):
                screen.line(f"  {part} done ({sum(task.seconds or 0 for task in of_part):.1f} s)")
        if now.state in ENDED:
            screen.clear()
            return now
        screen.working(_at_work(now, tasks, parts))
        time.sleep(_PAUSE)


def _failed(api: AirflowApi, run: DagRun, task: TaskInstance) -> str:
    word = "FAILED" if task.state == "failed" else "failed, Airflow tries again"
    try:
        reason = error_line(api.log(run, task))
    except AirflowError as error:
        reason = f"its log cannot be had: {error}"
    return f"{task.label} {word}: {reason}"


def _parts(tasks: list[TaskInstance]) -> dict[str, list[TaskInstance]]:
    parts: dict[str, list[TaskInstance]] = {}
    for task in tasks:
        _, bracket, unit = task.label.partition("[")
        # Tasks of a group that has not been expanded into units yet are one part.
        parts.setdefault(unit.rstrip("]") if bracket else task.task_id.partition(".")[0], []).append(task)
    return parts


def _is_done(part: list[TaskInstance]) -> bool:
    return all(task.state in ("success", "skipped") for task in part)


def _at_work(run: DagRun, tasks: list[TaskInstance], parts: dict[str, list[TaskInstance]]) -> str:
    working = [task.label for task in tasks if task.state in _AT_WORK]
    ended = sum(map(_is_done, parts.values()))
    more = f" and {len(working) - 3} more" if len(working) > 3 else ""
    return f"{ended} of {len(parts)} parts done; {', '.join(working[:3]) or run.state}{more}"
