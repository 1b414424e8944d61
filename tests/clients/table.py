"""Write docs/clients.md: client, operation, result, from a run against emulators of its own.

``python -m tests.clients.table`` (`make clients`)
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from local_stack.config import REPOSITORY
from local_stack.running import running_stack
from logline_cli.tables import counted
from tests.clients.outcomes import FAILS, NOT_INSTALLED, REFUSED, WORKS, Outcome

PAGE = REPOSITORY / "docs/clients.md"
VENVS = REPOSITORY / ".local/venvs"
"""Where `make clients` installs the packages of PyPI: `clients`, and `dbt`, which is run as a program."""

_VERBS = {
    WORKS: ("work", "works"),
    REFUSED: ("are not offered", "is not offered"),
    FAILS: ("fail", "fails"),
    NOT_INSTALLED: ("had no client", "had no client"),
}
_HEAD = """\
<!-- Written by make clients. -->
# Clients

What each client does against the local stack, unmodified and with nothing but the variables of `make env`: {counts}.
`make clients` has run all of it on {date}. It installs the clients of PyPI, and with npm Node's, below `.local` and
starts emulators of its own; `bq`, `gcloud` and `gsutil` are run where the Google Cloud CLI is installed. `make test`
runs the operations of the libraries that it finds, and one of each program.
[analysts.md](analysts.md) has a snippet for each client.
"""


def main() -> int:
    """Run all operations and write the page; returns 1 where one fails."""
    with tempfile.TemporaryDirectory() as folder, running_stack(Path(folder), airflow=False) as stack:
        found = _run(stack.process_env)
    PAGE.write_text(page(found, datetime.now(UTC).date().isoformat()), encoding="utf-8")
    counts = Counter(outcome.result for outcome in found)
    print(", ".join(f"{count} {result}" for result, count in counts.items()), PAGE.relative_to(REPOSITORY), sep="\n")
    return 1 if counts[FAILS] else 0


def page(outcomes: Sequence[Outcome], date: str) -> str:
    """Return the page for the outcomes of a run."""
    results = Counter(outcome.result for outcome in outcomes)
    counts = ", ".join(
        f"{counted(count, 'operation')} {_VERBS[result][count == 1]}" for result, count in results.items()
    )
    parts = [_HEAD.format(counts=counts, date=date)]
    for service, of_service in groupby(outcomes, lambda outcome: outcome.service):
        parts.append(f"\n## {service}\n\n| client | version | operation | result |\n|---|---|---|---|\n")
        for client, of_client in groupby(of_service, lambda outcome: outcome.client):
            name = client
            for one in of_client:
                result = f"{one.result}: {_cell(one.detail)}" if one.detail else one.result
                parts.append(f"| {name} | {one.version if name else ''} | {_cell(one.operation)} | {result} |\n")
                name = ""
    return "".join(parts)


def _run(environment: dict[str, str]) -> list[Outcome]:
    python = VENVS / "clients/bin/python"
    path = [str(VENVS / name / "bin") for name in ("clients", "dbt")]
    process = subprocess.Popen(
        [python if python.exists() else sys.executable, "-m", "tests.clients.outcomes"],
        env={**environment, "PATH": os.pathsep.join([*path, environment["PATH"]])},
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        found = [Outcome(**json.loads(line)) for line in process.stdout]
    if process.returncode:
        raise SystemExit(f"the operations ended with exit code {process.returncode}")
    return found


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
