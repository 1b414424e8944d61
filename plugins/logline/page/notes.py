"""What the verdict at the top of the page is made of: sentences on what is well and what is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from logline.settings import Settings
from logline.text_table import counted

Rows = Sequence[Mapping[str, Any]]
# stream_supervisor looks every five minutes.
UNSEEN_AFTER = timedelta(minutes=15)


class Tone(StrEnum):
    """How much a note matters; only warnings and faults change the verdict."""

    GOOD = "good"
    NEUTRAL = "muted"
    WARNING = "warn"
    FAULT = "bad"


@dataclass(frozen=True)
class Note:
    """One sentence.

    Attributes:
        tone: how much it matters.
        text: the sentence, without a full stop.
        runbook: the heading of docs/operations.md that says what to do.
    """

    tone: Tone
    text: str
    runbook: str | None = None

    def shown(self, settings: Settings) -> dict[str, Any]:
        """Return the note as the page gets it, with the address of the runbook."""
        return {**asdict(self), "runbook": settings.runbook_url(self.runbook) if self.runbook else None}


def on_stream(rows: Rows) -> list[Note]:
    """Judge the stream by its latest looks, the newest first."""
    if not rows:
        return [Note(Tone.NEUTRAL, "the stream has not been looked at within a day")]
    latest = rows[0]
    if datetime.now(UTC) - latest["observed_at"] > UNSEEN_AFTER:
        return [
            Note(Tone.WARNING, f"nobody has looked at the stream since {_instant(latest['observed_at'])}", "stale-rows")
        ]
    if latest["runbook"]:
        return [Note(Tone.FAULT, f"the stream: {latest['reason']}", latest["runbook"])]
    if latest["decision"] != "keep":
        return [Note(Tone.WARNING, f"the stream: {latest['reason']}", "crash-loop" if latest["ends"] else None)]
    lag = latest["lag_seconds"]
    return [Note(Tone.GOOD, "the stream runs" if lag is None else f"the stream runs, {lag} s behind")]


def on_checks(rows: Rows) -> list[Note]:
    """Judge the days by the checks of their last build."""
    days = {row["log_date"] for row in rows}
    failed = sorted({row["log_date"] for row in rows if row["level"] == "fail" and not row["passed"]})
    if failed:
        return [Note(Tone.FAULT, f"the numbers of {_days(failed)} do not agree", "imbalance")]
    return [Note(Tone.GOOD, f"the numbers of {counted(len(days), 'day')} agree")] if days else []


def on_builds(rows: Rows) -> list[Note]:
    """Say which days wait for another build."""
    waiting = [row["log_date"] for row in rows if row["last_decision"] == "reopened"]
    return [Note(Tone.NEUTRAL, f"late lines have come for {_days(waiting)}, to be built again")] if waiting else []


def on_unread(rows: Rows) -> list[Note]:
    """Say how many objects lie unread."""
    if not rows:
        return []
    since = min(row["noticed_at"] for row in rows)
    text = f"{counted(len(rows), 'object')} in the bucket unread since {_instant(since)}"
    return [Note(Tone.WARNING, text, "unread-objects")]


def on_detections(rows: Rows) -> list[Note]:
    """Say whether attacks were answered as if they were well."""
    severe = [row for row in rows if row["severity"] in ("high", "critical")]
    if not severe:
        return []
    answered = sum(row["answered"] for row in severe)
    requests = counted(sum(row["requests"] for row in severe), "request")
    text = f"{requests} looked like severe attacks, {answered} of them were answered"
    return [Note(Tone.NEUTRAL, text)]


def on_anomalies(rows: Rows) -> list[Note]:
    """Say what was unusual last; whether somebody is called for it, `daily_summary` decides when it builds the day."""
    if not rows:
        return []
    silences = sum(row["measure"] == "silence" for row in rows)
    kinds = [(len(rows) - silences, "unusual hour"), (silences, "silence")]
    found = " and ".join(counted(number, noun) for number, noun in kinds if number)
    return [Note(Tone.NEUTRAL, f"{found}, the last: {rows[0]['sentence']}" if len(rows) > 1 else rows[0]["sentence"])]


def on_objectives(rows: Rows) -> list[Note]:
    """Name the host that has overdrawn its error budget most."""
    missed = [row for row in rows if not row["is_met"]]
    if not missed:
        return []
    worst = missed[0]
    more = f", and {len(missed) - 1} more" if len(missed) > 1 else ""
    text = f"{worst['host'] or 'the site'} misses its objective of {worst['objective']}"
    # As many decimals as it takes to see that they differ.
    shares = [(f"{worst['share']:.{n}%}", f"{worst['wanted']:.{n}%}") for n in range(2, 7)]
    share, wanted = next((pair for pair in shares if pair[0] != pair[1]), shares[-1])
    return [Note(Tone.NEUTRAL, f"{text}: {share} good, wanted {wanted}{more}")]


def _days(days: Sequence[Any]) -> str:
    return f"{days[0]}" if len(days) == 1 else counted(len(days), "day")


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
