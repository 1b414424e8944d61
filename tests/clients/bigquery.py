"""Clients of BigQuery."""

import json

from tests.clients.case import Client, Workspace, program

BQ = Client("bq", "BigQuery", program("bq", "version"))

CLIENTS = (BQ,)


@BQ.case("mk, ls, rm")
def datasets(work: Workspace) -> None:
    work.run("bq", "mk", "--dataset", work.name)
    assert work.name in [one["id"].split(":")[-1] for one in json.loads(work.run("bq", "--format=json", "ls"))]
    work.run("bq", "rm", "--force", "--recursive", "--dataset", work.name)
    assert work.name not in work.run("bq", "ls")
