"""Run the operations of all clients in this environment; one line of JSON for each outcome.

``python -m tests.clients.outcomes``: a process of its own, for the interpreter in which the libraries are installed is
another than that of the emulators. So these modules need no other package than the clients themselves.
"""

import json
import sys
import tempfile
import traceback
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.clients import bigquery, bq, dbt, storage
from tests.clients.case import Case, Client, Workspace

CLIENTS: tuple[Client, ...] = (bq.BQ, *bigquery.CLIENTS, dbt.DBT, *storage.CLIENTS)

WORKS, REFUSED, FAILS, NOT_INSTALLED = "works", "not offered", "**fails**", "not installed"


@dataclass(frozen=True)
class Outcome:
    """A row of the table.

    Attributes:
        detail: What the error says where it is not offered or fails.
    """

    service: str
    client: str
    version: str
    operation: str
    result: str
    detail: str = ""


def outcomes(client: Client) -> Iterator[Outcome]:
    """Run all operations of a client, or say that it is not installed."""
    version = client.version()
    for case in client.cases:
        result, detail = _result(case) if version else (NOT_INSTALLED, "")
        yield Outcome(client.service, client.name, version or "", case.operation, result, detail)


def new_name() -> str:
    """Return a name for the workspace of a case."""
    return f"case{uuid.uuid4().hex[:12]}"


def _result(case: Case) -> tuple[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        try:
            case.check(Workspace(Path(folder), new_name()))
        except Exception as error:  # noqa: BLE001 - whatever it is, the table says that the operation fails
            traceback.print_exc()
            return FAILS, (str(error).strip().splitlines() or [type(error).__name__])[0]
    return (REFUSED, case.not_offered) if case.not_offered else (WORKS, "")


def _all_outcomes(client: Client) -> list[Outcome]:
    found = []
    for outcome in outcomes(client):
        print(f"{outcome.client}: {outcome.operation}: {outcome.result} {outcome.detail}", file=sys.stderr, flush=True)
        found.append(outcome)
    return found


if __name__ == "__main__":
    answer, sys.stdout = sys.stdout, sys.stderr  # libraries print, too
    with ThreadPoolExecutor(4) as pool:  # most of the time is spent waiting for programs
        for found in pool.map(_all_outcomes, CLIENTS):
            for outcome in found:
                print(json.dumps(asdict(outcome)), file=answer)
