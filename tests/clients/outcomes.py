"""Run the operations of all clients in this environment; one line of JSON for each outcome.

``python -m tests.clients.outcomes``: a process of its own, for the interpreter in which the libraries are installed is
another than that of the emulators. So these modules need no other package than the clients themselves.
"""

import json
import sys
import tempfile
import traceback
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.clients import bigquery, bq, dataflow, dbt, pubsub, storage
from tests.clients.case import Case, Client, Workspace

CLIENTS: tuple[Client, ...] = (
    *(bq.BQ, *bigquery.CLIENTS, dbt.DBT),
    *storage.CLIENTS,
    *pubsub.CLIENTS,
    *dataflow.CLIENTS,
)

AT_ONCE = 8
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


def new_name() -> str:
    """Return a name for the workspace of a case."""
    return f"case{uuid.uuid4().hex[:12]}"


def outcome(client: Client, case: Case) -> Outcome:
    """Run an operation of a client, or say that the client is not installed."""
    version = client.version()
    result, detail = _result(case) if version else (NOT_INSTALLED, "")
    done = Outcome(client.service, client.name, version or "", case.operation, result, detail)
    print(f"{done.client}: {done.operation}: {done.result} {done.detail}", file=sys.stderr, flush=True)
    return done


def _result(case: Case) -> tuple[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        try:
            case.check(Workspace(Path(folder), new_name()))
        except Exception as error:  # noqa: BLE001 - whatever it is, the table says that the operation fails
            traceback.print_exc()
            return FAILS, (str(error).strip().splitlines() or [type(error).__name__])[0]
    return (REFUSED, case.not_offered) if case.not_offered else (WORKS, "")


def main() -> None:
    """Run all operations, several at a time: each one has a workspace of its own."""
    answer, sys.stdout = sys.stdout, sys.stderr  # libraries print, too
    pairs = [(client, case) for client in CLIENTS for case in client.cases]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for done in pool.map(outcome, *zip(*pairs, strict=True)):
            print(json.dumps(asdict(done)), file=answer)


if __name__ == "__main__":
    main()
