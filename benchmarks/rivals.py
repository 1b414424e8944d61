"""The parser beside all else that reads an access log, in turns on one log: ``python -m benchmarks.rivals``.

Writes docs/rivals.md and its picture. Packages come from requirements/rivals.txt, in a virtual environment of their
own, which `make bench NAMES=rivals` makes; programs from PATH. What is not there is said.
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from benchmarks.parser_logs import make_log
from benchmarks.table import machine

LINES = 1_000_000
RUNS = 5
ENOUGH_SECONDS = 20.0
"""Of CPU: what has taken so much is not run again."""

_REPOSITORY = Path(__file__).parents[1]
_PAGE = _REPOSITORY / "docs/rivals.md"
_PICTURE = _REPOSITORY / "docs/images/rivals.svg"
_PYTHON = _REPOSITORY / ".local/venvs/rivals/bin/python"
_COMBINED = r'^\S+ \S+ \S+ \[[^\]]+\] "[^"]*" \d{3} (\d+|-) "[^"]*" "[^"]*"$'

_LIMITS, _COLUMNS, _PARQUET, _REPORTS = "no parsing", "typed columns", "zstd Parquet", "a report"
_COLOURS = {_LIMITS: "#8c8c8c", _COLUMNS: "#1f77b4", _PARQUET: "#2ca02c", _REPORTS: "#9467bd"}
_OURS = "#d95f02"


@dataclass(frozen=True)
class Taken:
    """What one run took; `lines` where it has counted them."""

    cpu: float
    wall: float
    lines: int | None
    version: str


class NotThereError(Exception):
    """A program or a package is missing."""


@dataclass(frozen=True)
class Rival:
    """One row of the table.

    Attributes:
        group: Rows that come to the same.
        name: What is run.
        does: What becomes of a line.
        run: Runs it once on a log, with a folder to write into; raises `NotThereError`.
    """

    group: str
    name: str
    does: str
    run: Callable[[Path, Path], Taken]

    @property
    def is_ours(self) -> bool:
        """Whether it is this repository's."""
        return self.name.startswith("logline")


def _way(name: str, *, ours: bool = False) -> Callable[[Path, Path], Taken]:
    """Return what runs a way of `benchmarks.rival_ways`."""

    def run(log: Path, folder: Path) -> Taken:
        python = Path(sys.executable) if ours else _PYTHON
        if not python.exists():
            raise NotThereError("not installed: make bench NAMES=rivals")
        command = [str(python), "-m", "benchmarks.rival_ways", name, str(log), str(folder)]
        done = subprocess.run(command, cwd=_REPOSITORY, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{name} failed:\n{done.stderr[-2000:]}")
        return Taken(**json.loads(done.stdout))

    return run


def _program(
    name: str,
    options: Callable[[Path, Path], list[str]],
    lines: Callable[[str, Path], int | None] = lambda output, _folder: int(re.findall(r"\d+", output)[-1]),
) -> Callable[[Path, Path], Taken]:
    """Return what runs a program as a process of its own; `lines` finds their number in what it has written."""

    def run(log: Path, folder: Path) -> Taken:
        rival_bin = _PYTHON.parent
        found = shutil.which(name, path=f"{rival_bin}{os.pathsep}{os.environ['PATH']}")
        if found is None:
            raise NotThereError("not on PATH")
        about = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
        version = re.search(r"\d+(\.\d+)+", about)
        return _timed([found, *options(log, folder)], version[0] if version else "", folder, lines)

    return run


def _timed(
    command: list[str], version: str, folder: Path, lines: Callable[[str, Path], int | None] = lambda *_: None
) -> Taken:
    with (folder / "output").open("w+") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=_REPOSITORY, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"{' '.join(command)} failed with {process.returncode}")
        output.seek(0)
        found = lines(output.read(), folder)
    return Taken(usage.ru_utime + usage.ru_stime, wall, found, version)


def _logline_parse(log: Path, folder: Path) -> Taken:
    command = [sys.executable, "-m", "logline_cli", "parse", "--html", f"{folder}/report.html", str(log)]
    return _timed(command, "", folder, lambda said, _: int(re.findall(r"lines +([\d,]+)", said)[0].replace(",", "")))


def _goaccess(*options: str) -> Callable[[Path, Path], Taken]:
    def command(log: Path, folder: Path) -> list[str]:
        report = folder / "report.json"
        return [str(log), "--log-format=COMBINED", "--no-progress", "--no-global-config", "-o", str(report), *options]

    def lines(_output: str, folder: Path) -> int:
        return int(json.loads((folder / "report.json").read_text())["general"]["total_requests"])

    return _program("goaccess", command, lines)


RIVALS = (
    Rival(_LIMITS, "numpy, sum", "memory read once, 8 bytes at a time", _way("read_once")),
    Rival(_LIMITS, "numpy, count of newlines", "newlines counted by SIMD, in memory", _way("simd_newlines")),
    Rival(_LIMITS, "Python, bytes.count", "newlines counted in memory", _way("bytes_count", ours=True)),
    Rival(_LIMITS, "wc -l", "newlines counted in the file", _program("wc", lambda log, _: ["-l", "--", str(log)],
          lambda output, _: int(output.split()[0]))),
    Rival(_LIMITS, "ripgrep", "lines counted that have the shape of a combined one",
          _program("rg", lambda log, _: ["--no-config", "--count", _COMBINED, str(log)])),
    Rival(_COLUMNS, "logline", "all columns of a row, hash and agent included, to Arrow", _way("ours", ours=True)),
    Rival(_COLUMNS, "logline, anonymised", "the same, addresses truncated and secrets redacted",
          _way("ours_anonymised", ours=True)),
    Rival(_COLUMNS, "Polars", "read_csv: ten fields, the request whole", _way("polars")),
    Rival(_COLUMNS, "DuckDB", "read_csv: the same, to Arrow", _way("duckdb")),
    Rival(_COLUMNS, "pyarrow", "csv.open_csv: the same", _way("pyarrow")),
    Rival(_COLUMNS, "chDB", "CustomSeparated: the same, to Arrow", _way("chdb")),
    Rival(_COLUMNS, "DuckDB, regex", "regexp_extract: nine fields, the request whole", _way("duckdb_by_regex")),
    Rival(_COLUMNS, "chDB, regex", "extractGroups: the same", _way("chdb_by_regex")),
    Rival(_PARQUET, "logline", "all columns of a row", _way("ours_to_parquet", ours=True)),
    Rival(_PARQUET, "Polars", "scan_csv to sink_parquet: ten fields", _way("polars_to_parquet")),
    Rival(_PARQUET, "DuckDB", "read_csv to COPY: the same", _way("duckdb_to_parquet")),
    Rival(_PARQUET, "chDB", "CustomSeparated to Parquet: the same", _way("chdb_to_parquet")),
    Rival(_PARQUET, "pyarrow", "csv.open_csv to ParquetWriter: the same", _way("pyarrow_to_parquet")),
    Rival(_REPORTS, "logline parse", "summary and HTML report, the whole process", _logline_parse),
    Rival(_REPORTS, "GoAccess", "report as JSON, the whole process", _goaccess()),
    Rival(_REPORTS, "GoAccess, 2 jobs", "the same with --jobs=2", _goaccess("--jobs=2")),
    Rival(_REPORTS, "lnav", "statuses counted by its SQL, the whole process", _program("lnav", lambda log, _: [
        "-n", "-c", ";SELECT count(DISTINCT sc_status), count(*) FROM access_log", "-c", ":write-csv-to -", str(log)])),
)  # fmt: skip


@dataclass
class Result:
    """The runs of a rival: the least CPU and wall time of them, or why there are none."""

    runs: list[Taken]
    missing: str = ""

    @property
    def rate(self) -> float:
        """Lines a CPU second."""
        return LINES / min(run.cpu for run in self.runs)

    @property
    def wall_rate(self) -> float:
        """Lines a second on the wall."""
        return LINES / min(run.wall for run in self.runs)


def measure(log: Path, folder: Path) -> list[Result]:
    """Run all rivals in turns.

    Raises:
        RuntimeError: One fails, or has read another number of lines than there are.
    """
    results = [Result([]) for _ in RIVALS]
    for _ in range(RUNS):
        for rival, result in zip(RIVALS, results, strict=True):
            if result.missing or sum(run.cpu for run in result.runs) > ENOUGH_SECONDS:
                continue
            try:
                taken = rival.run(log, folder)
            except NotThereError as error:
                result.missing = str(error)
                continue
            if taken.lines not in (None, LINES):
                raise RuntimeError(f"{rival.name}, {rival.group}: {taken.lines:,} lines of {LINES:,}")
            result.runs.append(taken)
    return results


def table(results: list[Result]) -> str:
    """Return the rows as Markdown; the ratio is that of ours in the same group, the first of it."""
    lines = [
        "| | million lines a CPU second | a second on the wall | logline is times as fast | version | what it does |",
        "|---|---|---|---|---|---|",
    ]
    ours: dict[str, float] = {}
    group = ""
    for rival, result in zip(RIVALS, results, strict=True):
        if rival.group != group:
            group = rival.group
            lines.append(f"| **{group}** | | | | | |")
        if result.missing:
            lines.append(f"| {rival.name} | {result.missing} | | | | {rival.does} |")
            continue
        if rival.is_ours:
            ours.setdefault(group, result.rate)
        ratio = f"{ours[group] / result.rate:.1f}" if group in ours and not rival.is_ours else ""
        name = f"**{rival.name}**" if rival.is_ours else rival.name
        rate = _millions(result.rate)
        version = result.runs[0].version
        lines.append(f"| {name} | {rate} | {_millions(result.wall_rate)} | {ratio} | {version} | {rival.does} |")
    return "\n".join(lines)


def _millions(rate: float) -> str:
    return f"{rate / 1e6:#.3g}".rstrip(".")


def plot(results: list[Result], file: Path) -> None:
    """Draw a bar for each row, on a scale of powers of ten."""
    figure = Figure(figsize=(9, 7.5), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.subplots()
    place, ticks = 0.0, []
    group = RIVALS[0].group
    for rival, result in zip(RIVALS, results, strict=True):
        if result.missing:
            continue
        place += 1.0 if rival.group == group else 1.8
        group = rival.group
        ticks.append((place, rival.name))
        rate = result.rate / 1e6
        axes.barh(place, rate, color=_OURS if rival.is_ours else _COLOURS[group], height=0.8)
        axes.annotate(
            _millions(result.rate), (rate, place), (4, 0), textcoords="offset points", va="center", fontsize=8
        )
    for name, colour in {"logline": _OURS, **_COLOURS}.items():
        axes.barh(0, math.nan, color=colour, label=name if colour == _OURS else f"others: {name}")
    axes.set_xscale("log")
    axes.set_yticks([at for at, _ in ticks], [name for _, name in ticks], fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("million combined lines of 238 bytes a CPU second")
    axes.legend(loc="lower right", fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, format="svg", metadata={"Date": None})


def page(results: list[Result]) -> str:
    """Return docs/rivals.md."""
    return f"""# Rivals

What else reads an access log: the same log, the same run, the newest versions that could be had. Written by
`make bench NAMES=rivals` on {datetime.now(UTC):%Y-%m-%d}; {machine()}, load {os.getloadavg()[0]:.1f} at the end.

![Million lines a CPU second of each](images/rivals.svg)

{table(results)}

**How it is measured.** {LINES:,} combined lines of 238 bytes, in the page cache. All rows in turns, {RUNS} times,
the least of each; a row that has taken {ENOUGH_SECONDS:g} s of CPU is not run again. CPU time is that of all threads,
the kernel's included. Libraries run on one thread in a process of their own, and warm: imports and a round over 4 MiB
are not counted. Programs are counted whole, from their start. A row that counts its lines must come to {LINES:,}.
All read the file, once; the parser alone, in memory and round after round, is what `make bench NAMES=parser` measures.

**What the rows do** is not the same, and the difference is in the rivals' favour:
- Readers of CSV split at spaces. They leave the request whole, keep a bracket at the time, and its zone as a text, and
  know neither hash nor agent. One line that was cut, or a quote in a value, which Apache writes as `\\"`, shifts fields
  or stops them.
- Time, status and size are converted, with pyarrow, Polars, DuckDB and chDB as here.
- ripgrep says how many lines have the right shape, and gives out nothing of them.
- lnav counts statuses by SQL; its own report is a screen.
- GoAccess and `logline parse` both make the whole report of the file.
"""


def main() -> None:
    """Measure, print the table, and write the page and its picture."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = folder / "access.log"
        log.write_bytes(make_log("combined", LINES))
        results = measure(log, folder)
    print(table(results))
    _PAGE.write_text(page(results), encoding="utf-8")
    plot(results, _PICTURE)
    print(f"written: {_PAGE.relative_to(_REPOSITORY)}, {_PICTURE.relative_to(_REPOSITORY)}")


if __name__ == "__main__":
    main()
