"""Tables that want a filter on their partitioning column, for the BigQuery emulator.

bqemulator 1.4.0 keeps `require_partition_filter` and does not honour it. `docs/service-rules.md` says what of the
service's rule is checked here: in doubt a filter counts.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from bqemulator.catalog.duckdb_repository import DuckDBCatalogRepository
from bqemulator.domain.errors import InvalidQueryError
from sqlglot import expressions as exp

from emulators.bigquery.parsing import before_each_statement, statements, table_path

_PSEUDO_COLUMNS = frozenset({"_partitiontime", "_partitiondate"})


class Required(NamedTuple):
    """What a table wants.

    Attributes:
        partitioning: the columns one of which is to be filtered, in lower case.
        columns: all columns, in lower case: other names in a filter are variables or parameters.
    """

    partitioning: frozenset[str]
    columns: frozenset[str]


Lookup = Callable[[str, str, str], Required | None]


def check(sql: str, project: str, lookup: Lookup) -> None:
    """Refuse a statement that reads or changes a table without the filter it wants.

    Args:
        sql: One statement.
        project: The project of tables that name none.
        lookup: Returns what the table of a project, a dataset and a name wants; None for nothing.

    Raises:
        InvalidQueryError: A filter is missing.
    """
    tree = next(iter(statements(sql)), None)
    if tree is None or (isinstance(tree, exp.Create) and tree.kind == "VIEW"):
        return
    for table in tree.find_all(exp.Table):
        path = table_path(table, project)
        if path is None or _is_target(table):
            continue
        required = lookup(*path)
        if required and not _is_filtered(table, required):
            name, columns = ".".join(path), ", ".join(sorted(required.partitioning))
            raise InvalidQueryError(
                f"Cannot query over table '{name}' without a filter over column(s) '{columns}' that can be used for "
                "partition elimination",
                location="query",
            )


def _is_target(table: exp.Table) -> bool:
    """Tell whether a table is only written, made, altered or dropped."""
    parent = table.parent.parent if isinstance(table.parent, exp.Schema) else table.parent
    if isinstance(parent, exp.Insert | exp.Create):
        return parent.this is table or parent.this is table.parent
    return isinstance(parent, exp.Drop | exp.Alter | exp.TruncateTable | exp.Clone)


def _is_filtered(node: exp.Expr, required: Required) -> bool:
    """Tell whether the query around a table or a subquery has a filter, or all queries that read from that one."""
    holder = node.find_ancestor(exp.Select, exp.Delete, exp.Update, exp.Merge)
    if holder is None:
        return False
    if any(_limits(condition, required) for condition in _conditions(holder)):
        return True
    if not isinstance(holder, exp.Select):
        return False
    outer = holder.parent
    while isinstance(outer, exp.SetOperation | exp.Paren) or (
        isinstance(outer, exp.Subquery) and isinstance(outer.parent, exp.SetOperation)
    ):
        outer = outer.parent
    if isinstance(outer, exp.CTE):
        readers = [table for table in outer.root().find_all(exp.Table) if table.name == outer.alias and not table.db]
        return bool(readers) and all(_is_filtered(reader, required) for reader in readers)
    return (
        isinstance(outer, exp.Subquery)
        and isinstance(outer.parent, exp.From | exp.Join)
        and _is_filtered(outer, required)
    )


def _conditions(holder: exp.Expr) -> Iterator[exp.Expr]:
    if where := holder.args.get("where"):
        yield where.this
    if isinstance(holder, exp.Merge):
        yield holder.args["on"]
    for join in holder.args.get("joins") or ():
        if join.args.get("on"):
            yield join.args["on"]


def _limits(condition: exp.Expr, required: Required) -> bool:
    """Tell whether a condition leaves only some partitions: one on the partitioning column and no other."""
    if isinstance(condition, exp.Paren):
        return _limits(condition.this, required)
    if isinstance(condition, exp.And):
        return _limits(condition.left, required) or _limits(condition.right, required)
    if isinstance(condition, exp.Or):
        return _limits(condition.left, required) and _limits(condition.right, required)
    columns = list(_columns(condition))
    partitioning = {column.sql() for column in columns if column.name.lower() in required.partitioning}
    others = [
        column
        for column in columns
        if column.name.lower() not in required.partitioning
        and (column.table or column.name.lower() in required.columns)
    ]
    return len(partitioning) == 1 and not others


def _columns(condition: exp.Expr) -> Iterator[exp.Column]:
    """Return the columns of a condition without those of its subqueries."""
    for node in condition.walk(prune=lambda node: isinstance(node, exp.Query)):
        if isinstance(node, exp.Column):
            yield node


def patch() -> None:
    """Put the check before each statement that bqemulator runs."""

    def checked(sql: str, project_id: str, catalog: DuckDBCatalogRepository) -> None:
        def lookup(project: str, dataset: str, name: str) -> Required | None:
            table = catalog.get_table(project, dataset, name)
            by = table.time_partitioning if table else None
            if table is None or by is None or not by.require_partition_filter:
                return None
            columns = frozenset(field.name.lower() for field in table.schema_.fields)
            return Required(frozenset({by.field.lower()}) if by.field else _PSEUDO_COLUMNS, columns)

        check(sql, project_id, lookup)

    before_each_statement(checked)
