"""Staging tables that have been dropped: one clear line instead of five retries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow.sdk.exceptions import AirflowFailException
from google.api_core.exceptions import NotFound

from logline.settings import Settings
from logline.task_ids import WAIT_FOR_PARSE


@contextmanager
def staging_tables_expected(settings: Settings) -> Iterator[None]:
    """Say what to do when a query job within the block does not find a staging table.

    The end of a run drops them. Airflow clears the tasks that load them together with a task that needs them, except
    where one day's instance of a mapped task is cleared alone.

    Raises:
        AirflowFailException: a staging table is not there.
    """
    try:
        yield
    except NotFound as error:
        if f"{settings.staging_dataset}." not in error.message:
            raise
        line = error.message.splitlines()[0]
        raise AirflowFailException(
            f"{line}: staging tables are dropped when a run ends, clear a task before their loads, "
            f"such as {WAIT_FOR_PARSE}, with all that follows it"
        ) from error
