"""Functions and procedures that are either there or refused, for the BigQuery emulator.

bqemulator 1.4.0 enters a routine into the catalog, then makes it in DuckDB: one that is refused stays in the catalog.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from bqemulator.api.dependencies import AppContext, get_context
from bqemulator.api.routes import routines
from bqemulator.catalog.models import RoutineMeta
from bqemulator.scripting import interpreter
from fastapi import Depends, Request

from emulators.bigquery.routes import replace_route

_Context = Annotated[AppContext, Depends(get_context)]
_upsert = interpreter._upsert_routine
_insert, _patch, _update = routines.insert_routine, routines.patch_routine, routines.update_routine


@contextmanager
def entered_if_made(ctx: AppContext, *reference: str) -> Iterator[None]:
    """Put a routine's entry back as it was before, unless the block ends well."""
    before = ctx.catalog.get_routine(*reference)
    try:
        yield
    except BaseException:
        if before is None:
            ctx.catalog.delete_routine(*reference, not_found_ok=True)
        else:
            ctx.catalog.update_routine(before)
        raise


async def upsert_routine(ctx: AppContext, routine: RoutineMeta, *, or_replace: bool) -> None:
    """Run `CREATE FUNCTION` or `CREATE PROCEDURE`."""
    with entered_if_made(ctx, routine.project_id, routine.dataset_id, routine.routine_id):
        await _upsert(ctx, routine, or_replace=or_replace)


async def insert_routine(project_id: str, dataset_id: str, request: Request, ctx: _Context) -> dict[str, Any]:
    """Answer `routines.insert`."""
    reference = (await request.json()).get("routineReference") or {}
    with entered_if_made(ctx, project_id, dataset_id, reference.get("routineId", "")):
        return dict(await _insert(project_id, dataset_id, request, ctx))


async def patch_routine(
    project_id: str, dataset_id: str, routine_id: str, request: Request, ctx: _Context
) -> dict[str, Any]:
    """Answer `routines.patch`."""
    with entered_if_made(ctx, project_id, dataset_id, routine_id):
        return dict(await _patch(project_id, dataset_id, routine_id, request, ctx))


async def update_routine(
    project_id: str, dataset_id: str, routine_id: str, request: Request, ctx: _Context
) -> dict[str, Any]:
    """Answer `routines.update`."""
    with entered_if_made(ctx, project_id, dataset_id, routine_id):
        return dict(await _update(project_id, dataset_id, routine_id, request, ctx))


def patch() -> None:
    """Put these in the place of bqemulator's."""
    vars(interpreter)["_upsert_routine"] = upsert_routine
    replace_route(routines.router, _insert, insert_routine, "POST")
    replace_route(routines.router, _patch, patch_routine, "PATCH")
    replace_route(routines.router, _update, update_routine, "PUT")
