"""Which transaction changes which table, for the BigQuery emulator; `sql/changes.py` has the rule."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from bqemulator.domain.errors import InvalidQueryError

TableId = tuple[str, str, str]
"""Project, dataset and table."""


class TableChanges:
    """Which tables open transactions have changed, and in which order tables were changed."""

    def __init__(self) -> None:
        self._changes = 0
        self._last: dict[TableId, int] = {}
        self._holders: dict[TableId, OpenTransaction] = {}

    def begin(self) -> OpenTransaction:
        """Begin a transaction."""
        return OpenTransaction(self._changes)

    def change(self, table: TableId, transaction: OpenTransaction) -> None:
        """Let a transaction change a table.

        Raises:
            InvalidQueryError: Another one has changed it since this one began, or is about to.
        """
        if self._holders.get(table, transaction) is not transaction or self._last.get(table, 0) > transaction.began:
            project, dataset, name = table
            raise InvalidQueryError(
                f"Transaction is aborted due to concurrent update against table {project}:{dataset}.{name}. "
                f"Transaction ID: {transaction.id}",
                location="query",
            )
        self._holders[table] = transaction

    async def change_alone(self, table: TableId) -> None:
        """Let a statement outside of transactions change a table, once none of them is about to."""
        while holder := self._holders.get(table):
            await holder.ended.wait()
        self._touch(table)

    def end(self, transaction: OpenTransaction, *, committed: bool) -> None:
        """End a transaction."""
        for table in [table for table, holder in self._holders.items() if holder is transaction]:
            del self._holders[table]
            if committed:
                self._touch(table)
        transaction.ended.set()

    def _touch(self, table: TableId) -> None:
        self._changes += 1
        self._last[table] = self._changes


class OpenTransaction:
    """One transaction of several statements.

    Attributes:
        began: After how many changes it did.
        ended: Set at its end.
    """

    def __init__(self, began: int) -> None:
        self.id = uuid4()
        self.began = began
        self.ended = asyncio.Event()
