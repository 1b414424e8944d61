"""Instructions that the parser takes for a line, counted by valgrind: ``python -m benchmarks.instructions``.

They are the same however busy the machine is. What else they depend on is fixed: the lines, the processor that code
is compiled for, the seed of hashes, one thread; and what happens once in a process (imports, machine code, classes
of user agents) happens before the counting.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
LINES = 20_000
ROUNDS = 2
RECORDED = {"to Arrow": 2979.0, "to Arrow, anonymised": 6383.0, "Arrow to Parquet": 5150.0}
"""Instructions a line, to be recorded anew with each change that is meant to change them."""
RECORDED_PYTHON = (3, 11)
"""Other versions take other numbers of instructions for the Python code around the compiled."""
ROOM = 0.03

_ENVIRONMENT = {
    "NUMBA_CPU_NAME": "x86-64-v3",
    "NUMBA_CPU_FEATURES": "+avx2",
    "PYTHONHASHSEED": "0",
    "OMP_NUM_THREADS": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}
_TOTALS = re.compile(r"^totals: (\d+)$", re.MULTILINE)


def find_valgrind() -> str | None:
    """Return where valgrind is; None where it is not installed or the machine is not of its kind."""
    return shutil.which("valgrind") if os.uname().machine == "x86_64" else None


def count(valgrind: str) -> dict[str, float]:
    """Return the instructions that a line takes, for each kind of work.

    Raises:
        RuntimeError: The program failed.
    """
    worker = [sys.executable, "-m", "benchmarks.instructions_worker"]
    with tempfile.TemporaryDirectory() as folder:
        tool = [valgrind, "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={folder}/counts"]
        # By itself first, for the machine code: compiled under valgrind it would take minutes.
        for command in (worker, [*tool, *worker]):
            environment = {**os.environ, **_ENVIRONMENT}
            done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
        totals = [_total(Path(folder, f"counts.{number}")) for number in range(1, len(RECORDED) + 1)]
    return {kind: total / (LINES * ROUNDS) for kind, total in zip(RECORDED, totals, strict=True)}


def _total(counts: Path) -> int:
    found = _TOTALS.search(counts.read_text())
    if found is None:
        raise RuntimeError(f"{counts} has no totals")
    return int(found[1])


def main() -> None:
    """Print the counts; exit non-zero where one is more than `ROOM` above what is recorded."""
    valgrind = find_valgrind()
    if valgrind is None:
        print("instructions: no valgrind for this machine, left out")
        return
    print(f"Instructions a line, {LINES:,} combined lines, code for {_ENVIRONMENT['NUMBA_CPU_NAME']}")
    too_many = []
    for kind, instructions in count(valgrind).items():
        more = instructions / RECORDED[kind] - 1
        print(f"{kind:22}{instructions:>10,.1f}  recorded {RECORDED[kind]:>8,.1f}  {more:+.1%}")
        if more > ROOM:
            too_many.append(kind)
    if too_many and sys.version_info[:2] == RECORDED_PYTHON:
        sys.exit(f"more than {ROOM:.0%} above what is recorded: {', '.join(too_many)}")


if __name__ == "__main__":
    main()
