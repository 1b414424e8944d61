"""Jobs and their messages on disk: one SQLite file, written before anything is done about a job."""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulators.dataflow.errors import already_active, job_not_found
from emulators.dataflow.jobs.job import Job, timestamp
from emulators.dataflow.jobs.states import ACTIVE, JobState

KEPT_ENDED_JOBS = 500
"""Ended jobs that are kept, the last to end."""
KEPT_MESSAGES = 10_000
"""Messages of a job that are kept, the newest."""

_ACTIVE = ", ".join(f"'{state}'" for state in sorted(ACTIVE))

#: The columns are read out of the resource, so that nothing is kept twice. A job that is being replaced by an update
#: no longer holds its name, as on the real service, where both run for a while.
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY,
    resource TEXT NOT NULL,
    command TEXT NOT NULL,
    asked_for TEXT,
    reason TEXT NOT NULL,
    stderr_offset INTEGER NOT NULL,
    project TEXT GENERATED ALWAYS AS (json_extract(resource, '$.projectId')) VIRTUAL,
    location TEXT GENERATED ALWAYS AS (json_extract(resource, '$.location')) VIRTUAL,
    name TEXT GENERATED ALWAYS AS (json_extract(resource, '$.name')) VIRTUAL,
    state TEXT GENERATED ALWAYS AS (json_extract(resource, '$.currentState')) VIRTUAL,
    created TEXT GENERATED ALWAYS AS (json_extract(resource, '$.createTime')) VIRTUAL,
    changed TEXT GENERATED ALWAYS AS (json_extract(resource, '$.currentStateTime')) VIRTUAL,
    replaced_by TEXT GENERATED ALWAYS AS (json_extract(resource, '$.replacedByJobId')) VIRTUAL
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS one_active_job_per_name ON jobs (project, location, name)
    WHERE state IN ({_ACTIVE}) AND replaced_by IS NULL;
CREATE TABLE IF NOT EXISTS messages (
    job_id TEXT NOT NULL REFERENCES jobs (id),
    number INTEGER NOT NULL,
    time TEXT NOT NULL,
    importance TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (job_id, number)
) STRICT, WITHOUT ROWID;
"""

#: Which jobs a list filter takes, and in which order, cf. `projects.jobs.list#Filter`: the running ones by creation,
#: the ended ones by the time they ended, the newest first.
FILTERS = {"ALL": "TRUE", "ACTIVE": f"state IN ({_ACTIVE})", "TERMINATED": f"state NOT IN ({_ACTIVE})"}
_RANK = f"(CASE WHEN state IN ({_ACTIVE}) THEN 'b' || created ELSE 'a' || changed END || id)"


@dataclass(frozen=True)
class Message:
    """A job message: `number` counts from 1 within the job, `time` is RFC 3339."""

    number: int
    time: str
    importance: str
    text: str


class JobStore:
    """The jobs of one emulator. Thread safe; every method is one transaction unless it runs inside `transaction()`."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run all or nothing of a block, with no other thread in between."""
        with self._lock:
            if self._database.in_transaction:
                yield
                return
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    def add(self, job: Job) -> None:
        """Keep a new job.

        Raises:
            ApiError: 409, an active job has its name.
        """
        row = (job.id, json.dumps(job.resource), json.dumps(job.command), job.asked_for, job.reason, job.stderr_offset)
        with self.transaction():
            try:
                self._database.execute("INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?)", row)
            except sqlite3.IntegrityError as error:
                raise already_active(job.name) from error

    def get(self, project: str, location: str, job_id: str) -> Job:
        """Return a job.

        Raises:
            ApiError: 404, it does not exist in this project and location.
        """
        found = self._jobs("id = ? AND project = ? AND location = ?", (job_id, project, location))
        if not found:
            raise job_not_found(job_id)
        return found[0]

    def active(self) -> list[Job]:
        """Return all jobs that have not ended, the oldest first."""
        return self._jobs(FILTERS["ACTIVE"] + " ORDER BY created", ())

    def active_named(self, project: str, location: str, name: str) -> Job | None:
        """Return the active job of this name that no update is replacing."""
        condition = f"{FILTERS['ACTIVE']} AND replaced_by IS NULL AND project = ? AND location = ? AND name = ?"
        return next(iter(self._jobs(condition, (project, location, name))), None)

    def change(self, job_id: str, edit: Callable[[Job], None]) -> Job:
        """Read the job as it is now, edit it and write it back, with no other change in between."""
        with self.transaction():
            (job,) = self._jobs("id = ?", (job_id,))
            edit(job)
            self._database.execute(
                "UPDATE jobs SET resource = ?, asked_for = ?, reason = ?, stderr_offset = ? WHERE id = ?",
                (json.dumps(job.resource), job.asked_for, job.reason, job.stderr_offset, job_id),
            )
        return job

    def page(
        self, project: str, location: str | None, job_filter: str, name: str | None, after: str, size: int
    ) -> tuple[list[Job], str]:
        """Return one page of a list.

        Args:
            project: The project's id.
            location: A region, or None for all.
            job_filter: A key of `FILTERS`.
            name: The exact name of the jobs wanted, or None.
            after: The mark that the page before returned, or "".
            size: How many jobs at most.

        Returns:
            The jobs, and the mark of the next page: "" after the last.
        """
        condition, values = f"{FILTERS[job_filter]} AND project = ?", [project]
        for column, wanted in (("location", location), ("name", name)):
            if wanted is not None:
                condition += f" AND {column} = ?"
                values.append(wanted)
        if after:
            condition += f" AND {_RANK} < ?"
            values.append(after)
        with self._lock:
            rows = self._database.execute(
                f"SELECT {_RANK}, resource, command, asked_for, reason, stderr_offset FROM jobs WHERE {condition} "
                f"ORDER BY 1 DESC LIMIT {size + 1}",
                values,
            ).fetchall()
        return [_job(row[1:]) for row in rows[:size]], str(rows[size - 1][0]) if len(rows) > size else ""

    def add_messages(self, job_id: str, messages: Iterable[tuple[str, str]]) -> None:
        """Append messages, each an importance (`JOB_MESSAGE_BASIC`...) and a text."""
        with self.transaction():
            (count,) = self._database.execute(
                "SELECT coalesce(max(number), 0) FROM messages WHERE job_id = ?", (job_id,)
            ).fetchone()
            now = timestamp()
            self._database.executemany(
                "INSERT INTO messages VALUES (?, ?, ?, ?, ?)",
                [(job_id, count + n, now, importance, text) for n, (importance, text) in enumerate(messages, 1)],
            )
            self._database.execute(
                "DELETE FROM messages WHERE job_id = ?1 AND number <= "
                "(SELECT max(number) FROM messages WHERE job_id = ?1) - ?2",
                (job_id, KEPT_MESSAGES),
            )

    def add_log(self, job_id: str, messages: Iterable[tuple[str, str]], offset: int) -> None:
        """Append the messages of the job's log up to an offset, so that no line becomes a message twice."""
        with self.transaction():
            self.add_messages(job_id, messages)
            self._database.execute("UPDATE jobs SET stderr_offset = ? WHERE id = ?", (offset, job_id))

    def messages(
        self, job_id: str, importances: Iterable[str], start: str, end: str, after: int, size: int
    ) -> tuple[list[Message], bool]:
        """Return one page of a job's messages, the oldest first.

        Args:
            job_id: The job.
            importances: Which messages to take.
            start: The earliest time, inclusive.
            end: The latest time, exclusive.
            after: The number of the last message of the page before, or 0.
            size: How many messages at most.

        Returns:
            The messages, and whether there are more.
        """
        wanted = list(importances)
        with self._lock:
            rows = self._database.execute(
                "SELECT number, time, importance, text FROM messages WHERE job_id = ? AND number > ? AND time >= ? "
                f"AND time < ? AND importance IN ({', '.join('?' * len(wanted))}) ORDER BY number LIMIT {size + 1}",
                (job_id, after, start, end, *wanted),
            ).fetchall()
        return [Message(*row) for row in rows[:size]], len(rows) > size

    def superseded(self) -> list[str]:
        """Return the ids of the ended jobs beyond those that are kept."""
        with self._lock:
            rows = self._database.execute(
                f"SELECT id FROM jobs WHERE {FILTERS['TERMINATED']} ORDER BY {_RANK} DESC LIMIT -1 OFFSET ?",
                (KEPT_ENDED_JOBS,),
            ).fetchall()
        return [str(job_id) for (job_id,) in rows]

    def delete(self, job_id: str) -> None:
        """Forget a job and its messages."""
        with self.transaction():
            self._database.execute("DELETE FROM messages WHERE job_id = ?", (job_id,))
            self._database.execute("DELETE FROM jobs WHERE id = ?", (job_id,))

    def _jobs(self, condition: str, values: tuple[Any, ...]) -> list[Job]:
        with self._lock:
            rows = self._database.execute(
                f"SELECT resource, command, asked_for, reason, stderr_offset FROM jobs WHERE {condition}", values
            ).fetchall()
        return [_job(row) for row in rows]


def _job(row: tuple[Any, ...]) -> Job:
    resource, command, asked_for, reason, stderr_offset = row
    return Job(
        json.loads(resource), json.loads(command), JobState(asked_for) if asked_for else None, reason, stderr_offset
    )
