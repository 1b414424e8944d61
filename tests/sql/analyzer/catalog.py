"""The tables a script may name, with the columns that their statements give them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from zetasql.wasi._pb2.zetasql.local_service.local_service_pb2 import (
    RegisterCatalogRequest,
    RegisterResponse,
    UnregisterRequest,
)
from zetasql.wasi._pb2.zetasql.proto.simple_catalog_pb2 import SimpleCatalogProto
from zetasql.wasi._pb2.zetasql.public.type_pb2 import TypeProto

from tests.sql.analyzer.language import functions, language
from tests.sql.analyzer.wasm import analyzer


class Column(NamedTuple):
    """A column and its type."""

    name: str
    type: TypeProto


class Catalog:
    """Tables by their path, for example `("logline", "requests")`."""

    def __init__(self) -> None:
        self.tables: dict[tuple[str, ...], list[Column]] = {}
        self._shared: list[int] = []  # its number, once it is registered without variables; that of its copies too
        self._added: set[str] = set()  # names of tables that were added since

    def copy(self) -> Catalog:
        """Return a catalog of the same tables, to add some to."""
        if self._added:
            self._shared, self._added = [], set()
        other = Catalog()
        other.tables = dict(self.tables)
        other._shared = self._shared
        return other

    def add(self, tables: Mapping[tuple[str, ...], list[Column]]) -> None:
        """Add tables, or put them in the place of others."""
        self.tables |= tables
        if self._shared:
            self._added |= {path[-1] for path in tables}
        else:
            self._shared = []

    def create(self, statement: Any) -> bool:
        """Add what a resolved statement creates; return whether it creates something."""
        created = unwrapped(statement)
        columns = field_of(created, "column_definition_list") or field_of(created, "output_column_list") or []
        path = field_of(created, "name_path")
        if not (path and columns):
            return False
        made = [
            Column(column.name, column.type if hasattr(column, "type") else column.column.type) for column in columns
        ]
        self.add({tuple(path): made})
        return True

    def shared(self, sql: str) -> int:
        """Return the number of the tables in the analyzer, handed over once for all copies and never freed.

        Args:
            sql: What is analysed with them: of tables that it does not name they need not be the newest.
        """
        if self._shared and any(name in sql for name in self._added):
            self._shared = []
        if not self._shared:
            self._shared.append(self.register())
            self._added = set()
        return self._shared[0]

    def register(self, variables: Iterable[Column] = (), sql: str | None = None) -> int:
        """Hand tables and the variables of a script to the analyzer, which takes the longer the more they are.

        Args:
            variables: Those of the script.
            sql: The script: only tables that it names are handed over. None: all of them.

        Returns:
            The number of the catalog.
        """
        catalog = SimpleCatalogProto(name="bigquery", custom_function=functions())
        catalog.builtin_function_options.language_options.CopyFrom(language())
        datasets: dict[tuple[str, ...], SimpleCatalogProto] = {(): catalog}
        for path, columns in self.tables.items():
            if sql is not None and path[-1] not in sql:
                continue
            table = _dataset(datasets, path[:-1]).table.add(name=path[-1])
            for column in columns:
                table.column.add(name=column.name, is_writable_column=True).type.CopyFrom(column.type)
        for variable in variables:
            constant = catalog.constant.add(name_path=[variable.name])
            constant.type.CopyFrom(variable.type)
            constant.value.SetInParent()
        request = RegisterCatalogRequest(simple_catalog=catalog)
        response = analyzer().call_grpc_func("ZetaSqlLocalService_RegisterCatalog", request, RegisterResponse)
        return response.registered_id


def forget(number: int) -> None:
    """Free a registered catalog."""
    analyzer().call_grpc_func("ZetaSqlLocalService_UnregisterCatalog", UnregisterRequest(registered_id=number))


def _dataset(datasets: dict[tuple[str, ...], SimpleCatalogProto], path: tuple[str, ...]) -> SimpleCatalogProto:
    if path not in datasets:
        datasets[path] = _dataset(datasets, path[:-1]).catalog.add(name=path[-1])
    return datasets[path]


def unwrapped(message: Any) -> Any:
    """Return the node inside the analyzer's unions of nodes."""
    while message.DESCRIPTOR.oneofs_by_name.get("node") and (name := message.WhichOneof("node")):
        message = getattr(message, name)
    return message


def field_of(node: Any, name: str) -> Any:
    """Return a field of a node or of those it inherits from; None where none has it."""
    return next((getattr(part, name) for part in _lineage(node) if name in part.DESCRIPTOR.fields_by_name), None)


def _lineage(node: Any) -> Iterator[Any]:
    while True:
        yield node
        if "parent" not in node.DESCRIPTOR.fields_by_name:
            return
        node = node.parent
