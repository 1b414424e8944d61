"""One statement over given tables, evaluated by Google's reference implementation of GoogleSQL."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

from zetasql.core.exceptions import ServerError
from zetasql.wasi._pb2.zetasql.local_service.local_service_pb2 import (
    EvaluateModifyRequest,
    EvaluateModifyResponse,
    EvaluateQueryRequest,
    EvaluateQueryResponse,
    RegisterCatalogRequest,
    RegisterResponse,
    TableContent,
)

from tests.sql.analyzer.catalog import Column, forget
from tests.sql.analyzer.language import functions, language, options, simple_type
from tests.sql.analyzer.wasm import analyzer
from tests.sql.reference.values import from_zetasql, to_zetasql

Row = tuple[Any, ...]
# The number of a row in its table, no column of SELECT *.
ROW = "_row_number"
_WORD = re.compile(r"\w+")


class NotEvaluatedError(Exception):
    """The reference implementation cannot evaluate a statement."""


@dataclass(frozen=True)
class Table:
    """Columns and rows."""

    columns: Sequence[Column]
    rows: Sequence[Row]

    @cached_property
    def content(self) -> TableContent:
        """The rows as ZetaSQL takes them, numbered."""
        content = TableContent()
        content.table_data.SetInParent()
        for number, row in enumerate(self.rows):
            cells = content.table_data.row.add().cell
            cells.extend(to_zetasql(value, column.type) for value, column in zip(row, self.columns, strict=True))
            cells.add(int64_value=number)
        return content

    @property
    def names(self) -> list[str]:
        """Return the names of the columns."""
        return [column.name for column in self.columns]

    def renamed(self, names: Sequence[str]) -> Table:
        """Return the table with other names of columns."""
        columns = [column._replace(name=name) for column, name in zip(self.columns, names, strict=True)]
        return replace(self, columns=columns)


class Variable(NamedTuple):
    """A variable of a script."""

    column: Column
    value: Any


@dataclass
class Database:
    """What a script may read.

    Attributes:
        tables: by their names, without dataset; each is put in the place of another to be changed.
        variables: those of the script, by their names in lower case.
        parameters: query parameters, by their names, with type and value.
    """

    tables: dict[str, Table]
    variables: dict[str, Variable] = field(default_factory=dict)
    parameters: Mapping[str, tuple[str, Any]] = field(default_factory=dict)
    _registered: int | None = None
    _as_registered: tuple[dict[str, Table], dict[str, Variable]] = field(default_factory=lambda: ({}, {}))

    def query(self, sql: str) -> Table:
        """Return the rows of a SELECT; every table has its rows' numbers as the pseudo-column `ROW`.

        Raises:
            NotEvaluatedError: The reference implementation refuses it.
        """
        response = self._call(sql, EvaluateQueryRequest, EvaluateQueryResponse, "EvaluateQuery")
        columns = [Column(column.name, column.type) for column in response.prepared.columns]
        return Table(columns, [_row(row.cell, columns) for row in response.content.table_data.row])

    def inserted(self, sql: str, target: str) -> list[Row]:
        """Return the rows that an INSERT adds to its table.

        Raises:
            NotEvaluatedError: The reference implementation refuses it.
        """
        response = self._call(sql, EvaluateModifyRequest, EvaluateModifyResponse, "EvaluateModify", target)
        columns = self.tables[target].columns
        return [_row(change.cell[: len(columns)], columns) for change in response.content]

    def close(self) -> None:
        """Free what the analyzer keeps."""
        if self._registered is not None:
            forget(self._registered)
        self._registered = None

    def _call(self, sql: str, request_type: Any, response_type: Any, procedure: str, target: str | None = None) -> Any:
        types = {name: kind for name, (kind, _) in self.parameters.items()}
        request = request_type(sql=sql, options=options(types), registered_catalog_id=self._catalog(sql, target))
        for name, (kind, value) in self.parameters.items():
            request.params.add(name=name.lower()).value.CopyFrom(to_zetasql(value, simple_type(kind)))
        try:
            return analyzer().call_grpc_func(f"ZetaSqlLocalService_{procedure}", request, response_type)
        except ServerError as error:
            raise NotEvaluatedError(error.message) from None

    def _catalog(self, sql: str, target: str | None) -> int:
        """Return the number of the tables and variables in the analyzer: handed over again if `sql` names a new one."""
        named = Counter(_WORD.findall(sql))
        if target is not None and named[target] == 1:
            # What is in it makes no difference to an INSERT.
            del named[target]
        tables, variables = self._as_registered
        if self._registered is not None and all(
            now.get(name) is before.get(name)
            for now, before, names in (
                (self.tables, tables, named),
                (self.variables, variables, {name.lower() for name in named}),
            )
            for name in names
        ):
            return self._registered
        self.close()
        self._as_registered = (dict(self.tables), dict(self.variables))
        request = RegisterCatalogRequest()
        catalog = request.simple_catalog
        catalog.name = "bigquery"
        catalog.custom_function.extend(functions())
        catalog.builtin_function_options.language_options.CopyFrom(language())
        for name, table in self.tables.items():
            described = catalog.table.add(name=name)
            for column in table.columns:
                described.column.add(name=column.name, is_writable_column=True).type.CopyFrom(column.type)
            number = described.column.add(name=ROW, is_pseudo_column=True, is_writable_column=False)
            number.type.CopyFrom(simple_type("INT64"))
            request.table_content[name].CopyFrom(table.content)
        for variable in self.variables.values():
            constant = catalog.constant.add(name_path=[variable.column.name])
            constant.type.CopyFrom(variable.column.type)
            constant.value.CopyFrom(to_zetasql(variable.value, variable.column.type))
        response = analyzer().call_grpc_func("ZetaSqlLocalService_RegisterCatalog", request, RegisterResponse)
        self._registered = response.registered_id
        return response.registered_id


def _row(cells: Any, columns: Sequence[Column]) -> Row:
    return tuple(from_zetasql(cell, column.type) for cell, column in zip(cells, columns, strict=True))
