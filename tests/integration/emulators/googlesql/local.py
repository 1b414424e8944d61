"""The local BigQuery's answers, by its REST API."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import requests

from tests.integration.emulators.googlesql.reference import Rows, Value
from tests.sql.reference.evaluator import NotEvaluatedError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAMES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "RECORD": "STRUCT"}
_VALUES: Mapping[str, Callable[[Any], Any]] = {
    "INT64": int,
    "FLOAT64": float,
    "BOOL": lambda text: text == "true",
    "BYTES": base64.b64decode,
    "DATE": date.fromisoformat,
    "TIMESTAMP": lambda micros: _EPOCH + timedelta(microseconds=int(micros)),
    "NUMERIC": Decimal,
    "BIGNUMERIC": Decimal,
    "JSON": json.loads,
}


class LocalBigQuery:
    """A client of `jobs.query`.

    Args:
        url: Address of the REST API.
        project: Of the jobs.
    """

    def __init__(self, url: str, project: str) -> None:
        self._queries = f"{url}/bigquery/v2/projects/{project}/queries"
        self._session = requests.Session()

    def evaluate(self, expressions: Sequence[str]) -> list[Value]:
        """Return what expressions are, by one query.

        Raises:
            NotEvaluatedError: One of them has no value.
        """
        named = ", ".join(f"{expression} AS c{number}" for number, expression in enumerate(expressions))
        columns, (row,) = self.query(f"SELECT {named}")
        return [Value(kind, value) for (_, kind), value in zip(columns, row, strict=True)]

    def query(self, sql: str) -> Rows:
        """Return what a query gives.

        Raises:
            NotEvaluatedError: It is refused, or fails.
        """
        asked = {"query": sql, "useLegacySql": False, "timeoutMs": 60_000}
        answer = self._session.post(self._queries, json=asked, timeout=60).json()
        if "error" in answer:
            raise NotEvaluatedError(answer["error"]["message"])
        fields = answer["schema"]["fields"]
        rows = [_struct(row, fields) for row in answer.get("rows", [])]
        return Rows([(field["name"], _name(field)) for field in fields], rows)


def is_same(value: Any, other: Any) -> bool:
    """Tell whether values are the same; floats may differ in their last digits, and a result has no NULL arrays."""
    if value in (None, []) and other in (None, []):
        return True
    if isinstance(value, float) and isinstance(other, float):
        return (math.isnan(value) and math.isnan(other)) or value == other or math.isclose(value, other, rel_tol=1e-13)
    if type(value) is type(other) and isinstance(value, list | tuple):
        return len(value) == len(other) and all(map(is_same, value, other))
    return type(value) is type(other) and bool(value == other)


def _name(field: dict[str, Any]) -> str:
    name = _NAMES.get(field["type"], field["type"])
    if name == "STRUCT":
        name = f"STRUCT<{', '.join(map(_name, field['fields']))}>"
    return f"ARRAY<{name}>" if field.get("mode") == "REPEATED" else name


def _python(value: Any, field: dict[str, Any]) -> Any:
    if field.get("mode") == "REPEATED":
        return [_python(element["v"], field | {"mode": "NULLABLE"}) for element in value or []]
    if value is None:
        return None
    return _struct(value, field["fields"]) if "fields" in field else _VALUES.get(_name(field), str)(value)


def _struct(value: dict[str, Any], fields: list[dict[str, Any]]) -> tuple[Any, ...]:
    return tuple(_python(part["v"], of) for part, of in zip(value["f"], fields, strict=True))
