"""Analysis of a script: statement by statement, its variables typed as they are declared."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from zetasql.core.exceptions import ServerError, StatusCode
from zetasql.wasi._pb2.zetasql.local_service.local_service_pb2 import (
    AnalyzeRequest,
    AnalyzeResponse,
    ParseRequest,
    ParseResponse,
)

from tests.sql.analyzer.catalog import Catalog, Column, field_of, forget, unwrapped
from tests.sql.analyzer.language import language, options
from tests.sql.analyzer.tracing import Place, TracedText
from tests.sql.analyzer.wasm import analyzer

_LOCATION = re.compile(r" \[at (\d+):(\d+)\]$")
# BigQuery takes `a.b.c` in one pair of backticks for three names. Offsets must stay: quotes become blanks.
_QUOTED_PATH = re.compile(r"`([A-Za-z][\w-]*(?:\.\w+){1,2})`")


@dataclass(frozen=True)
class Script:
    """SQL as one query job gets it.

    Attributes:
        name: what runs it.
        text: the SQL and where it comes from.
        parameters: name and type of each query parameter.
    """

    name: str
    text: TracedText
    parameters: Mapping[str, str] = field(default_factory=dict)


class Complaint(NamedTuple):
    """What the analyzer says of a script."""

    place: Place
    message: str
    script: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message} ({self.script})"


class Analysis(NamedTuple):
    """How many statements a script has, and the complaints about them."""

    statements: int
    complaints: list[Complaint]


def parsed(sql: str) -> list[Any]:
    """Return the syntax tree of each statement of a script.

    Raises:
        ServerError: It is no SQL.
    """
    request = ParseRequest(sql_statement=sql, options=language(), allow_script=True)
    response = analyzer().call_grpc_func("ZetaSqlLocalService_Parse", request, ParseResponse)
    return [unwrapped(statement) for statement in response.parsed_script.statement_list_node.statement_list]


def range_of(node: Any) -> tuple[int, int]:
    """Return the bytes of the script that a node of the syntax tree is."""
    location = field_of(node, "parse_location_range")
    return location.start, location.end


def analyse(script: Script, catalog: Catalog) -> Analysis:
    """Analyse every statement of a script; what it creates is added to `catalog`."""
    return _Analyst(script, catalog).analyse()


class _Analyst:
    def __init__(self, script: Script, catalog: Catalog) -> None:
        self._script = script
        self._catalog = catalog
        self._sql = _QUOTED_PATH.sub(r" \1 ", script.text.text)
        self._bytes = self._sql.encode()
        self._variables: dict[str, Column] = {}
        self._complaints: list[Complaint] = []
        self._registered: int | None = None

    def analyse(self) -> Analysis:
        try:
            statements = parsed(self._sql)
        except ServerError as error:
            self._complain(error, 0)
            return Analysis(0, self._complaints)
        for node in statements:
            start, end = range_of(node)
            try:
                match node.DESCRIPTOR.name:
                    case "ASTVariableDeclarationProto":
                        self._declare(node)
                    case "ASTSingleAssignmentProto":
                        self._assign(node)
                    case _:
                        statement = self._call(self._blanks(start) + self._slice(start, end)).resolved_statement
                        if self._catalog.create(statement):
                            self._forget()
            except ServerError as error:
                self._complain(error, start)
        self._forget()
        return Analysis(len(statements), self._complaints)

    def _declare(self, node: Any) -> None:
        """Add the variables of DECLARE: their type is the one declared, else the default's."""
        default = range_of(unwrapped(node.default_value)) if node.HasField("default_value") else None
        if node.HasField("type"):
            start, end = range_of(unwrapped(node.type))
            query = f"SELECT CAST(NULL AS {self._slice(start, end)})"
            declared = _type(self._call(query, elsewhere=True))
            if default is not None:
                self._value(*default, declared)
        else:
            declared = _type(self._value(*default))
        for name in node.variable_list.identifier_list:
            self._variables[name.id_string.lower()] = Column(name.id_string, declared)
        self._forget()

    def _assign(self, node: Any) -> None:
        """Analyse a SET: the value must be of the variable's type, or one that BigQuery turns into it."""
        name = node.variable.id_string
        if name.lower() not in self._variables:
            raise ServerError(StatusCode.INVALID_ARGUMENT, f"Undeclared variable: {name}", "")
        self._value(*range_of(unwrapped(node.expression)), self._variables[name.lower()].type)

    def _value(self, start: int, end: int, target: Any = None) -> AnalyzeResponse:
        # One line more than the script has, so that the places are those of the script.
        return self._call("SELECT\n" + self._blanks(start) + self._slice(start, end), target=target, added_lines=1)

    def _call(self, sql: str, *, target: Any = None, added_lines: int = 0, elsewhere: bool = False) -> Any:
        analysis = options(dict(self._script.parameters))
        if target is not None:
            analysis.target_column_types.append(target)
        request = AnalyzeRequest(sql_statement=sql, registered_catalog_id=self._tables(sql), options=analysis)
        try:
            return analyzer().call_grpc_func("ZetaSqlLocalService_Analyze", request, AnalyzeResponse)
        except ServerError as error:
            # The package cuts the message at its first line; the place is in the last one.
            located = _LOCATION.search(error.raw_error)
            message = _LOCATION.sub("", error.message)
            if located and int(located[1]) > added_lines and not elsewhere:
                message += f" [at {int(located[1]) - added_lines}:{located[2]}]"
            raise ServerError(error.code, message, error.raw_error) from None

    def _tables(self, sql: str) -> int:
        """Return the number of the catalog for a text: with variables it is this script's own."""
        if not any(name in sql.lower() for name in self._variables):
            return self._catalog.shared(sql)
        if self._registered is None:
            self._registered = self._catalog.register(self._variables.values(), self._sql)
        return self._registered

    def _forget(self) -> None:
        """Have the script's own catalog registered anew: it has changed, or is done with."""
        if self._registered is not None:
            forget(self._registered)
        self._registered = None

    def _complain(self, error: ServerError, start: int) -> None:
        offset = len(self._bytes[:start].decode())
        if located := _LOCATION.search(error.message):
            lines = self._sql.split("\n")[: int(located[1]) - 1]
            offset = sum(len(line) + 1 for line in lines) + int(located[2]) - 1
        message = _LOCATION.sub("", error.message)
        self._complaints.append(Complaint(self._script.text.place(offset), message, self._script.name))

    def _slice(self, start: int, end: int) -> str:
        return self._bytes[start:end].decode()

    def _blanks(self, end: int) -> str:
        return re.sub(r"[^\n]", " ", self._slice(0, end))


def _type(response: AnalyzeResponse) -> Any:
    (column,) = unwrapped(response.resolved_statement).output_column_list
    return column.column.type
