"""The outcome of a run, as text and as a plot."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from benchmarks.table import machine
from tests.chaos.outside.faults import Done
from tests.chaos.outside.oracle import Verdict
from tests.chaos.outside.rest import Rest
from tests.chaos.outside.schedule import CLEAR, DISK, FILE, FREEZE, KILL, NETWORK, TRIGGER

_KINDS = {
    KILL: "kills",
    FREEZE: "freezes",
    DISK: "full disks",
    NETWORK: "faults of the network",
    CLEAR: "cleared tasks",
    TRIGGER: "double triggers",
    FILE: "changed files",
}
_MARKS = {KILL: "x", FREEZE: "o", DISK: "s", NETWORK: "d", CLEAR: "^", TRIGGER: "v", FILE: "|"}


@dataclass(frozen=True)
class Outcome:
    """A run and what became of it.

    Attributes:
        minutes: How long the schedule was.
        seed: Its seed.
        done: What was done.
        recovery: By part and kind of fault, seconds until the part was up again.
        starts: How often nobody watched the parts, and `make up` was needed.
        published: Lines that Pub/Sub has acknowledged.
        in_files: Lines in the files that are there.
        rest: How it came to rest.
        verdict: Where the tables differ from the lines.
    """

    minutes: float
    seed: int
    done: Done
    recovery: Mapping[tuple[str, str], Sequence[float]]
    starts: int
    published: int
    in_files: int
    rest: Rest
    verdict: Verdict

    @property
    def is_good(self) -> bool:
        """Whether all came to rest and nothing is lost, doubled or wrong."""
        return self.verdict.is_good and not self.rest.not_reached


def text(outcome: Outcome) -> str:
    """Return the report."""
    done, rest, verdict = outcome.done, outcome.rest, outcome.verdict
    lines = [f"Chaos for {outcome.minutes:g} minutes, SEED={outcome.seed}: {machine()}", ""]
    for kind, name in _KINDS.items():
        a_minute = done.of(kind) / outcome.minutes
        lines.append(f"{name:22} {done.of(kind):5}, {a_minute:.1f} a minute{_by_target(done.counts, kind)}")
    if done.left_out:
        left = ", ".join(f"{kind} {target} {count}" for (kind, target), count in sorted(done.left_out.items()))
        lines.append(f"left out, nothing to do it to within a minute: {left}")
    lines += [
        "clock offsets          left out: libfaketime would have to be loaded into every process",
        "full disks             by RLIMIT_FSIZE of a part's processes: writes to files fail, with EFBIG for ENOSPC",
        "",
        f"{outcome.published:,} lines published, {outcome.in_files:,} in files at the end",
        f"make up was needed {outcome.starts} times",
        f"runs that failed, of all: {_failed(rest)}",
        "",
        "| part | kills | up again after, median | worst | freezes | after the end, median | worst |",
        "|---|---|---|---|---|---|---|",
    ]
    for part in sorted({part for part, _ in outcome.recovery}):
        cells = [part]
        for kind in (KILL, FREEZE):
            seconds = outcome.recovery.get((part, kind), ())
            middle = f"{statistics.median(seconds):.0f} s" if seconds else "-"
            cells += [str(done.counts[kind, part]), middle, f"{max(seconds):.0f} s" if seconds else "-"]
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", *(f"at rest: {what} after {seconds:.0f} s" for what, seconds in rest.seconds.items())]
    lines += [f"at rest: {one}" for one in (*rest.by_hand, *(f"NOT REACHED: {one}" for one in rest.not_reached))]
    counts = (len(verdict.lost), len(verdict.doubled), len(verdict.wrong))
    lines += ["", *verdict.shown()]
    lines.append(
        f"{done.of(KILL)} kills, {done.of(FREEZE)} freezes: {counts[0]} lost, {counts[1]} doubled, {counts[2]} wrong "
        f"of {verdict.figures:,} counts and figures: {'met' if outcome.is_good else 'MISSED'}"
    )
    return "\n".join(lines)


def plot(outcome: Outcome, file: Path) -> None:
    """Draw what was done when, and how long each part took to be up again."""
    events = outcome.done.events
    targets = sorted({_row(kind, target) for _, kind, target in events}, reverse=True)
    parts = sorted({part for part, kind in outcome.recovery if kind == KILL}, reverse=True)
    figure = Figure(figsize=(12, 3 + 0.22 * (len(targets) + len(parts))), layout="constrained")
    FigureCanvasSVG(figure)
    above, below = figure.subplots(2, 1, height_ratios=(max(1, len(targets)), max(1, len(parts))))
    for kind, name in _KINDS.items():
        points = [(at / 60, targets.index(_row(kind, target))) for at, one, target in events if one == kind]
        if points:
            above.scatter(*zip(*points, strict=True), marker=_MARKS[kind], s=16, label=f"{len(points)} {name}")
    above.set_yticks(range(len(targets)), targets, fontsize=7)
    above.set_xlabel("minutes")
    verdict = outcome.verdict
    above.set_title(
        f"SEED={outcome.seed}: {len(verdict.lost)} lost, {len(verdict.doubled)} doubled, {len(verdict.wrong)} wrong"
    )
    above.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=7)
    below.boxplot([outcome.recovery[part, KILL] for part in parts] or [[]], orientation="horizontal", whis=(0, 100))
    below.set_yticks(range(1, len(parts) + 1), parts, fontsize=7)
    below.set_xlabel("seconds from a kill until the part is up again")
    figure.savefig(file, format="svg", metadata={"Date": None})


def _row(kind: str, target: str) -> str:
    if kind == FILE:
        return "files"
    return f"link {target.partition(':')[0]}" if kind == NETWORK else target


def _by_target(counts: Counter[tuple[str, str]], kind: str) -> str:
    of_kind = Counter({target: count for (one, target), count in counts.items() if one == kind})
    if kind == NETWORK:
        modes: Counter[str] = Counter()
        for target, count in of_kind.items():
            modes[target.partition(": ")[2]] += count
        of_kind = modes
    return f": {', '.join(f'{target} {count}' for target, count in of_kind.most_common())}" if of_kind else ""


def _failed(rest: Rest) -> str:
    return ", ".join(f"{dag} {rest.failed_runs[dag]} of {count}" for dag, count in sorted(rest.ended_runs.items()))
