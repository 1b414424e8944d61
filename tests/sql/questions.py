"""The questions of docs/analysts.md, asked of a log: `python -m tests.sql.questions access.log` prints the answers."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from local_stack.running import running_stack
from logline.text_table import text_table
from tests.sql.days import backfilled
from tests.sql.warehouse import Warehouse

PAGE = Path(__file__).parents[2] / "docs" / "analysts.md"
_QUESTION = re.compile(r"([^\n]+)\n\n```sql\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_DAYS = re.compile(r"BETWEEN '[\d-]+' AND '[\d-]+'")


class Question(NamedTuple):
    """A question and its query."""

    text: str
    sql: str

    def ask(self, warehouse: Warehouse, first: date, last: date) -> list[dict[str, Any]]:
        """Return the answer for some days of a warehouse."""
        sql = _DAYS.sub(f"BETWEEN '{first}' AND '{last}'", self.sql)
        return warehouse.run(sql.replace("logline.", f"{warehouse.dataset}."))


def questions() -> Iterator[Question]:
    """The questions of the section of that name, in its order."""
    section = PAGE.read_text(encoding="utf-8").partition("## Questions")[2].partition("\n## ")[0]
    for found in _QUESTION.finditer(section):
        yield Question(found[1].rpartition(". ")[2].rstrip(":"), found[2])


def main(arguments: Sequence[str]) -> None:
    """Print the answers of a log."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_stack(Path(folder) / "state", airflow=False) as stack,
        stack.bigquery() as client,
    ):
        warehouse = Warehouse(client)
        days = backfilled(Path(arguments[0]), Path(folder) / "out", warehouse)
        for question in questions():
            rows = question.ask(warehouse, days[0], days[-1])
            print(f"\n{question.text}:")
            print(text_table(list(rows[0]), [list(row.values()) for row in rows]) if rows else "nothing")


if __name__ == "__main__":
    main(sys.argv[1:])
