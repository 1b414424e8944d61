"""Move the rejected lines of release 0.1.0, which had one table of that name, to the tables of today."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException
from google.api_core.exceptions import BadRequest, NotFound
from google.cloud.bigquery import Client

from logline.settings import Settings
from logline.warehouse.queries import Query, bigquery_hook, fetch_rows

NAME = "rejected_lines"
TABLE_OF_0_1_0 = "rejected_lines_of_0_1_0"
"""The table's name while its rows are moved."""

Step = Literal["set_aside", "move", "drop"]


def pending(client: Client, dataset: str) -> Iterator[Step]:
    """Yield what is still to be done, each step once the one before it is done; nothing on a new installation.

    Args:
        client: a client of BigQuery.
        dataset: `project.dataset`.
    """
    if _is_table(client, f"{dataset}.{NAME}"):
        yield "set_aside"
    if _is_table(client, f"{dataset}.{TABLE_OF_0_1_0}"):
        # In one transaction: where the run ended behind it, there is nothing left to move.
        yield "move"
        yield "drop"


def _is_table(client: Client, table: str) -> bool:
    try:
        return bool(client.get_table(table).table_type == "TABLE")
    except NotFound:
        return False


class MoveRejectedLinesOperator(BaseOperator):
    """Move the rejected lines of release 0.1.0; a run that was interrupted is taken up where it ended.

    Args:
        set_aside: takes the name from the old table (templated).
        move: moves its rows (templated).
        drop: drops it (templated).
    """

    template_fields: Sequence[str] = ("set_aside", "move", "drop")

    def __init__(self, *, settings: Settings, set_aside: Query, move: Query, drop: Query, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.settings = settings
        self.set_aside = set_aside
        self.move = move
        self.drop = drop

    def execute(self, context: Context) -> list[str]:
        """Move what there is to move, and return the steps that were taken.

        Raises:
            AirflowFailException: a stream of the old release has written to the table within the last hour or two.
        """
        client = bigquery_hook(self.settings).get_client(project_id=self.settings.project)
        taken: list[str] = []
        for step in pending(client, f"{self.settings.project}.{self.settings.dataset}"):
            try:
                fetch_rows(self.settings, getattr(self, step))
            except BadRequest as error:
                if step != "set_aside":
                    raise
                raise AirflowFailException(
                    f"{error.message.splitlines()[0]}: drain the streaming job of release 0.1.0, which appends to "
                    f"{NAME}, and run provision again when BigQuery has let go of its rows, after up to 90 minutes"
                ) from error
            taken.append(step)
        return taken
