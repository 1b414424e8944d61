"""Peak memory, which must not grow with the lines: ``python -m benchmarks.memory``.

The backfill's process over 1 and 50 million combined lines, plain and in gzip; then the parser alone, block after block
on one thread, over 1 and 10 million lines of each kind of format. Lines are generated once, by the million, and read
again with user agents of their own each time, so that what is remembered of texts can grow.
"""

from __future__ import annotations

import gzip
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.measured_process import run_measured
from benchmarks.parser_logs import FORMAT_STRING, FORMATS, make_log
from benchmarks.table import machine

LINES = 1_000_000
MILLIONS = (1, 50)
PARSED_MILLIONS = (1, 10)
MAX_BYTES = 1_500_000_000
GROWTH = 1.1  # how much more the larger run may take and still count as no more

_FILES = 5  # of the larger job, links to one
_PARSING = """
import json, resource, sys
from beam_jobs.access_log import BlockParser, get_format
from beam_jobs.access_log.places.columns import Places
from beam_jobs.access_log.places.databases import RegistryCountries
from benchmarks.parser_logs import cut_blocks

name, log, rounds = sys.argv[1], open(sys.argv[2], "rb").read(), int(sys.argv[3])
parser = BlockParser(get_format(name), places=Places(RegistryCountries()))
first = log[: log.index(b"\\n", 100_000) + 1]
parser.parse(first)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
rows = 0
for number in range(rounds):
    for block in cut_blocks(log, 16 << 20):
        rows += parser.parse(block.replace(b"Mozilla/5.0", b"Mozilla/5.%d" % number)).rows.num_rows
print(json.dumps({"rows": rows, "before": before * 1024}))
"""


def main() -> None:
    """Measure and print the tables; exit non-zero where memory is not flat or above the limit."""
    failures = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"Peak memory in MB. The backfill, local files to Parquet, one process; {machine()}")
        print(f"{'':24}" + "".join(f"{f'{millions} M lines':>14}{'seconds':>9}" for millions in MILLIONS))
        log = make_log("combined", LINES)
        for kind, content in (("combined", log), ("combined in gzip", gzip.compress(log, 6))):
            peaks = _print_jobs(kind, content, folder)
            failures += _failures(kind, peaks)
        del log, content
        print("The parser alone on one thread, 16 MiB at a time, the file of a million lines in memory beside it")
        print(f"{'':24}" + "".join(f"{f'{millions} M lines':>14}" for millions in PARSED_MILLIONS) + f"{'its own':>14}")
        for log_format in FORMATS:
            peaks, own = _parser_peaks(log_format, folder / "log")
            shown = "a log_format string" if log_format == FORMAT_STRING else log_format.partition(":")[0]
            print(f"{shown:24}" + "".join(f"{peak / 1e6:>14,.0f}" for peak in (*peaks, own)), flush=True)
            failures += _failures(shown, peaks)
    if failures:
        sys.exit("\n".join(failures))


def _failures(name: str, peaks: list[int]) -> list[str]:
    found = [f"{name}: more than {MAX_BYTES / 1e6:,.0f} MB"] if max(peaks) > MAX_BYTES else []
    return found + ([f"{name}: memory grows with the number of lines"] if peaks[-1] > peaks[0] * GROWTH else [])


def _print_jobs(kind: str, content: bytes, folder: Path) -> list[int]:
    peaks = []
    print(f"{kind:24}", end="", flush=True)
    for millions in MILLIONS:
        logs = folder / f"logs-{kind.replace(' ', '-')}-{millions}"
        logs.mkdir()
        files = _FILES if millions > 1 else 1
        with (logs / "0.log").open("wb") as file:
            for _ in range(millions // files):
                file.write(content)
        for number in range(1, files):
            (logs / f"{number}.log").hardlink_to(logs / "0.log")
        with tempfile.TemporaryDirectory(dir=folder) as output:
            command = ["-m", "beam_jobs.backfill", f"--source={logs}/*", f"--output={output}", "--run_id=benchmark"]
            started = time.perf_counter()
            peak = run_measured([sys.executable, *command]).peak
            seconds = time.perf_counter() - started
            totals = json.loads(Path(output, "manifest.json").read_text())["totals"]
        if totals["rows"] != millions * LINES:
            raise RuntimeError(f"{totals['rows']:,} rows of {millions} million lines")
        for path in logs.iterdir():
            path.unlink()
        peaks.append(peak)
        print(f"{peak / 1e6:>14,.0f}{seconds:>9.0f}", end="", flush=True)
    print()
    return peaks


def _parser_peaks(log_format: str, log: Path) -> tuple[list[int], int]:
    """Return the peak of each number of lines, and what parsing takes of the last beside the file and the imports."""
    log.write_bytes(make_log(log_format, LINES))
    peaks = []
    own = 0
    for millions in PARSED_MILLIONS:
        output, _, peak = run_measured([sys.executable, "-c", _PARSING, log_format, str(log), str(millions)])
        said: dict[str, Any] = json.loads(output.splitlines()[-1])
        if said["rows"] != millions * LINES:
            raise RuntimeError(f"{log_format}: {said['rows']:,} rows of {millions} million lines")
        peaks.append(peak)
        own = peak - said["before"]
    return peaks, own


if __name__ == "__main__":
    main()
