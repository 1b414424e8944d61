"""A script as the reference implementation runs it: statement by statement, over the tables as they were before."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from zetasql.wasi._pb2.zetasql.parser.ast_enums_pb2 import ASTMergeActionEnums, ASTMergeWhenClauseEnums

from tests.sql.analyzer.catalog import Column, field_of, unwrapped
from tests.sql.analyzer.scripts import parsed, range_of
from tests.sql.reference.evaluator import ROW, Database, NotEvaluatedError, Row, Table, Variable

# BigQuery's manual calls MAX_BY a synonym of this; the reference implementation has no MAX_BY.
_MAX_BY = re.compile(r"\bMAX_BY\(([^(),]+), (\w+)\)")
_MAX_BY_SPELT_OUT = r"ANY_VALUE(\1 HAVING MAX \2)"
# What it says of an INSERT whose query has one.
_NO_WITH = "WITH clauses under subquery in DML"
_SELECTED = "_selected"
# Statements that compute nothing.
_EMPTY = ("ASTBeginStatementProto", "ASTCommitStatementProto")


@dataclass(frozen=True)
class Statement:
    """A statement of a script.

    Attributes:
        kind: what it does, for example INSERT.
        target: the table that it changes.
        start: its first byte in the script.
        end: the byte after its last one.
        refusal: why the reference implementation did not evaluate it.
    """

    kind: str
    target: str | None
    start: int
    end: int
    refusal: str | None = None


@dataclass
class Outcome:
    """What a script has done.

    Attributes:
        statements: those that compute something.
        rows: what its last statement has selected.
        changed: the tables that it has changed.
        unknown: tables of which the contents are not known, for a statement was not evaluated.
    """

    statements: list[Statement] = field(default_factory=list)
    rows: Table | None = None
    changed: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)


class ReferenceScript:
    """Runs a script.

    Args:
        sql: The script.
        database: Its tables and parameters; changed as the script changes them.
        prepare: What to do with the text of a statement before it is evaluated.
    """

    def __init__(self, sql: str, database: Database, prepare: Callable[[str], str]) -> None:
        self._bytes = sql.encode()
        self._sql = sql
        self._database = database
        self._prepare = prepare
        self._outcome = Outcome()

    def run(self) -> Outcome:
        """Run all statements; one that is not evaluated leaves its table unknown."""
        for node in parsed(self._sql):
            kind = node.DESCRIPTOR.name.removeprefix("AST").removesuffix("Proto").removesuffix("Statement")
            self._outcome.rows = None
            if node.DESCRIPTOR.name in _EMPTY:
                continue
            target = self._target(node)
            start, end = range_of(node)
            refusal = None
            try:
                self._refuse_unknown(self._text(node))
                getattr(self, f"_{re.sub(r'(?<!^)(?=[A-Z])', '_', kind).lower()}")(node, target)
            except NotEvaluatedError as error:
                refusal = str(error)
                if target is not None:
                    self._outcome.unknown.add(target)
            if target is not None:
                self._outcome.changed.add(target)
            self._outcome.statements.append(Statement(kind, target, start, end, refusal))
        return self._outcome

    def _refuse_unknown(self, text: str) -> None:
        for name in self._outcome.unknown & set(re.findall(r"\w+", text)):
            raise NotEvaluatedError(f"what is in {name} is not known")

    def _query(self, node: Any, _: str | None) -> None:
        self._outcome.rows = self._database.query(self._text(node))

    def _create_table(self, node: Any, target: str) -> None:
        if not node.HasField("query"):
            raise NotEvaluatedError("makes no rows")
        self._database.tables[target] = self._database.query(self._text(node.query))
        self._outcome.unknown.discard(target)

    def _insert(self, node: Any, target: str) -> None:
        try:
            rows = self._database.inserted(self._text(node), target)
        except NotEvaluatedError as error:
            if _NO_WITH not in str(error):
                raise
            selected = self._database.query(self._text(node.query))
            columns = [f"c{number}" for number in range(len(selected.columns))]
            self._database.tables[_SELECTED] = selected.renamed(columns)
            named = self._text(node.column_list) if node.HasField("column_list") else ""
            into = f"INSERT INTO {target} {named} SELECT {', '.join(columns)} FROM {_SELECTED}"
            rows = self._database.inserted(into, target)
        self._change(target, {}, rows)

    def _delete(self, node: Any, target: str) -> None:
        deleted = self._database.query(f"SELECT {ROW} FROM {target} {self._alias(node)} WHERE {self._text(node.where)}")
        self._change(target, {number: None for (number,) in deleted.rows}, [])

    def _update(self, node: Any, target: str) -> None:
        if node.HasField("from_clause"):
            raise NotEvaluatedError("an UPDATE with FROM")
        source = f"{target} {self._alias(node)} WHERE {self._text(node.where)}"
        self._change(target, self._updated(node.update_item_list, target, ROW, source), [])

    def _drop(self, node: Any, target: str) -> None:
        self._database.tables.pop(target, None)

    def _truncate(self, node: Any, target: str) -> None:
        self._database.tables[target] = Table(self._database.tables[target].columns, [])

    def _merge(self, node: Any, target: str) -> None:
        """Put a MERGE together from SELECTs, for the reference implementation has none."""
        table = self._database.tables[target]
        named = self._alias(node)
        number = f"{named.removeprefix('AS ') or target}.{ROW}"
        source, condition = self._text(node.table_expression), self._text(node.merge_condition)
        changed: dict[int, Row | None] = {}
        added: list[Row] = []
        for clause in node.when_clauses.clause_list:
            if clause.HasField("search_condition"):
                raise NotEvaluatedError("a MERGE with a condition of its own")
            match clause.match_type, clause.action.action_type:
                case ASTMergeWhenClauseEnums.MATCHED, ASTMergeActionEnums.UPDATE:
                    joined = f"{target} {named} JOIN {source} ON {condition}"
                    changed |= self._updated(clause.action.update_item_list, target, number, joined)
                case ASTMergeWhenClauseEnums.NOT_MATCHED_BY_TARGET, ASTMergeActionEnums.INSERT:
                    names = [name.id_string for name in clause.action.insert_column_list.identifiers]
                    values = ", ".join(self._text(value) for value in clause.action.insert_row.values)
                    there = f"EXISTS (SELECT 1 FROM {target} {named} WHERE {condition})"
                    inserted = self._database.query(f"SELECT {values} FROM {source} WHERE NOT {there}")
                    given = [dict(zip(names, row, strict=True)) for row in inserted.rows]
                    added += [tuple(map(row.get, table.names)) for row in given]
                case _:
                    raise NotEvaluatedError("a MERGE of another kind")
        self._change(target, changed, added)

    def _updated(self, items: Any, target: str, number: str, source: str) -> dict[int, Row | None]:
        """Return the rows of `source` as they are after SET, by their numbers."""
        table = self._database.tables[target]
        values = [item.set_value for item in items.update_items]
        names = [self._text(value.path).rpartition(".")[2].strip("`") for value in values]
        selected = [f"{self._text(value.value)} AS `{name}`" for name, value in zip(names, values, strict=True)]
        updated = self._database.query(f"SELECT {', '.join([number, *selected])} FROM {source}")
        if len({row[0] for row in updated.rows}) < len(updated.rows):
            raise NotEvaluatedError("several rows for one to change")
        return {
            place: tuple(
                (dict(zip(table.names, table.rows[place], strict=True)) | dict(zip(names, row, strict=True))).values()
            )
            for place, *row in updated.rows
        }

    def _variable_declaration(self, node: Any, _: str | None) -> None:
        value = self._text(node.default_value) if node.HasField("default_value") else "NULL"
        query = f"CAST({value} AS {self._text(node.type)})" if node.HasField("type") else value
        declared = self._database.query(f"SELECT {query}")
        for name in node.variable_list.identifier_list:
            column = Column(name.id_string, declared.columns[0].type)
            self._database.variables[name.id_string.lower()] = Variable(column, declared.rows[0][0])

    def _single_assignment(self, node: Any, _: str | None) -> None:
        name = node.variable.id_string.lower()
        assigned = self._database.query(f"SELECT {self._text(node.expression)}")
        column = self._database.variables[name].column
        if assigned.columns[0].type != column.type:
            raise NotEvaluatedError(f"{name} is assigned a value of another type")
        self._database.variables[name] = Variable(column, assigned.rows[0][0])

    def _change(self, target: str, changed: Mapping[int, Row | None], added: Sequence[Row]) -> None:
        """Change rows by their numbers, or delete them, and add some."""
        if changed or added:
            table = self._database.tables[target]
            rows = [changed.get(number, row) for number, row in enumerate(table.rows)]
            self._database.tables[target] = replace(table, rows=[*(row for row in rows if row is not None), *added])

    def _alias(self, node: Any) -> str:
        return f"AS {node.alias.identifier.id_string}" if node.HasField("alias") else ""

    def _target(self, node: Any) -> str | None:
        """Return the name of the table that a statement changes, without its dataset."""
        path = field_of(node, "target_path") or field_of(node, "name")
        if path is None:
            return None
        return self._text(path).replace("`", "").rpartition(".")[2]

    def _text(self, node: Any) -> str:
        start, end = range_of(unwrapped(node))
        return _MAX_BY.sub(_MAX_BY_SPELT_OUT, self._prepare(self._bytes[start:end].decode()))
