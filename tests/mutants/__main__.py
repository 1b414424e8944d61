"""``make mutants``: with each guard taken back, one at a time, its test fails.

The edits are made in a copy of what git knows of the repository. First all tests are run without any.
"""

import argparse
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from local_stack.config import REPOSITORY
from tests.mutants import Mutant, mutants, text_of

FAILED = 1
"""What pytest exits with where tests have failed; with other numbers where it could not run them."""
_MOST_SECONDS = 1200
"""Of the test of a mutant, which may leave threads that wait for ever."""


class Copy:
    """A copy of the repository.

    Args:
        folder: That it fills.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._seconds = itertools.count(int(time.time()))
        listed = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
        names = subprocess.run(listed, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
        for name in names.split("\0"):
            if (REPOSITORY / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(REPOSITORY / name, folder / name)

    def write(self, file: str, text: str) -> None:
        """Write a file; the time of its change, by which Python knows compiled files again, is always another."""
        path = self.folder / file
        path.write_text(text, encoding="utf-8")
        second = next(self._seconds)
        os.utime(path, (second, second))

    def test(self, tests: Iterable[str], seconds: float | None = None) -> subprocess.CompletedProcess[str]:
        """Run tests.

        Raises:
            subprocess.TimeoutExpired: They have not ended after so many seconds; they are killed.
        """
        path = os.pathsep.join([str(self.folder), str(self.folder / "plugins")])
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )


def main() -> int:
    """Run it; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("words", nargs="*", help="only mutants whose guard or file has one of these words")
    parser.add_argument("--table", action="store_true", help="print the list, and run nothing")
    given = parser.parse_args()
    chosen = [
        mutant
        for mutant in mutants()
        if not given.words or any(word in f"{mutant.guards} {mutant.file}" for word in given.words)
    ]
    if given.table:
        print("| guard | file | test |\n|---|---|---|")
        print(*(f"| {one.guards} | `{one.file}` | `{one.test}` |" for one in chosen), sep="\n")
        return 0
    with tempfile.TemporaryDirectory(prefix="logline-mutants-") as folder:
        copy = Copy(Path(folder))
        unchanged = copy.test(dict.fromkeys(mutant.test for mutant in chosen))
        if unchanged.returncode:
            print(unchanged.stdout[-3000:])
            print("tests fail without any mutant")
            return 1
        survived = [mutant for mutant in chosen if not _is_caught(mutant, copy)]
    print(f"{len(chosen) - len(survived)} of {len(chosen)} mutants caught")
    return 1 if survived else 0


def _is_caught(mutant: Mutant, copy: Copy) -> bool:
    text = text_of(mutant, copy.folder)
    copy.write(mutant.file, mutant.mutated(text))
    begun = time.monotonic()
    try:
        done = copy.test([mutant.test], _MOST_SECONDS)
    except subprocess.TimeoutExpired:
        is_caught, said = False, "HANGS"
    else:
        is_caught = done.returncode == FAILED
        said = "caught" if is_caught else "SURVIVED"
        if not is_caught and done.returncode:
            print(done.stdout[-2000:], done.stderr[-2000:])
    copy.write(mutant.file, text)
    print(f"{said:8} {time.monotonic() - begun:4.0f} s  {mutant.guards}  ({mutant.test})", flush=True)
    return is_caught


if __name__ == "__main__":
    sys.exit(main())
