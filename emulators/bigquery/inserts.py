"""Rows of `tabledata.insertAll` that are refused as on the service, for the BigQuery emulator.

bqemulator 1.4.0 takes any number of rows, drops the fields that the table lacks, and wants the very case of names.
"""

from typing import Annotated, Any

from bqemulator.api.dependencies import AppContext, get_context
from bqemulator.api.routes import tabledata
from bqemulator.domain.errors import ValidationError
from fastapi import Depends, Request

from emulators.bigquery.appends import note_streamed
from emulators.bigquery.jobs import job_rules
from emulators.bigquery.routes import replace_route
from emulators.bigquery.streaming_buffer import StreamingApi

MOST_ROWS = 50_000

_insert_all = tabledata.insert_all


async def insert_all(
    project_id: str,
    dataset_id: str,
    table_id: str,
    request: Request,
    ctx: Annotated[AppContext, Depends(get_context)],
) -> dict[str, Any]:
    """Answer `tabledata.insertAll`: where a row has an unknown field none is taken, or all others.

    Raises:
        ValidationError: There are too many rows, or none.
    """
    job_rules.check_size(await request.body())
    body = await request.json()  # the request keeps this object: bqemulator's endpoint reads what is changed in it
    rows = body.get("rows") or []
    if not rows:
        raise ValidationError("Empty request: there are no rows.")
    if len(rows) > MOST_ROWS:
        raise ValidationError(f"too many rows present in the request, limit: {MOST_ROWS} row count: {len(rows)}")
    table = ctx.catalog.get_table(project_id, dataset_id, table_id)
    known = {field.name.lower(): field.name for field in table.schema_.fields} if table else {}
    for row in rows:
        row["json"] = {known.get(name.lower(), name): value for name, value in (row.get("json") or {}).items()}
    unknown = {
        number: names
        for number, row in enumerate(rows)
        if (names := [name for name in row["json"] if name.lower() not in known])
    }
    if not unknown or body.get("ignoreUnknownValues") or body.get("skipInvalidRows"):
        note_streamed(ctx, project_id, dataset_id, table_id, StreamingApi.INSERT_ALL)
    if table is None or body.get("ignoreUnknownValues") or not unknown:
        return dict(await _insert_all(project_id, dataset_id, table_id, request, ctx))
    errors = [
        _error(number, "invalid", f"no such field: {name}.", name)
        for number, names in unknown.items()
        for name in names
    ]
    if not body.get("skipInvalidRows"):
        stopped = [_error(number, "stopped", "", "") for number in range(len(rows)) if number not in unknown]
        return {"kind": "bigquery#tableDataInsertAllResponse", "insertErrors": errors + stopped}
    body["rows"] = [row for number, row in enumerate(rows) if number not in unknown]
    if body["rows"]:
        await _insert_all(project_id, dataset_id, table_id, request, ctx)
    return {"kind": "bigquery#tableDataInsertAllResponse", "insertErrors": errors}


def _error(number: int, reason: str, message: str, location: str) -> dict[str, Any]:
    error = {"reason": reason, "message": message, "location": location, "debugInfo": ""}
    return {"index": number, "errors": [error]}


def patch() -> None:
    """Put the endpoint in the place of bqemulator's."""
    replace_route(tabledata.router, _insert_all, insert_all, "POST")
