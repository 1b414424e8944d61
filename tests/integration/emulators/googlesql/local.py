"""The local BigQuery's answers, by its REST API."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import requests

from tests.integration.emulators.googlesql.reference import RefusedError, Rows, Value

_NAMES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "RECORD": "STRUCT"}
_VALUES: Mapping[str, Callable[[Any], Any]] = {
    "INT64": int,
    "FLOAT64": float,
    "BOOL": lambda text: text == "true",
    "BYTES": base64.b64decode,
    "TIMESTAMP": int,
    "NUMERIC": lambda text: Decimal(text).normalize(),
    "BIGNUMERIC": lambda text: Decimal(text).normalize(),
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
            RefusedError: One of them has no value.
        """
        named = ", ".join(f"{expression} AS c{number}" for number, expression in enumerate(expressions))
        columns, (row,) = self.query(f"SELECT {named}")
        return [Value(kind, value) for (_, kind), value in zip(columns, row, strict=True)]

    def query(self, sql: str) -> Rows:
        """Return what a query gives.

        Raises:
            RefusedError: It is refused, or fails.
        """
        asked = {"query": sql, "useLegacySql": False, "timeoutMs": 60_000}
        answer = self._session.post(self._queries, json=asked, timeout=60).json()
        if "error" in answer:
            raise RefusedError(answer["error"]["message"])
        fields = answer["schema"]["fields"]
        rows = [
            [_python(cell["v"], field) for cell, field in zip(row["f"], fields, strict=True)]
            for row in answer.get("rows", [])
        ]
        return Rows([(field["name"], _name(field)) for field in fields], rows)


def is_same(value: Any, other: Any) -> bool:
    """Tell whether values are the same; floats may differ in their last digits, and a result has no NULL arrays."""
    if value in (None, []) and other in (None, []):
        return True
    if isinstance(value, float) and isinstance(other, float):
        return (math.isnan(value) and math.isnan(other)) or value == other or math.isclose(value, other, rel_tol=1e-13)
    if isinstance(value, list) and isinstance(other, list):
        return len(value) == len(other) and all(map(is_same, value, other))
    return type(value) is type(other) and bool(value == other)


def _name(field: dict[str, Any]) -> str:
    name = _NAMES.get(field["type"], field["type"])
    return f"ARRAY<{name}>" if field.get("mode") == "REPEATED" else name


def _python(value: Any, field: dict[str, Any]) -> Any:
    if field.get("mode") == "REPEATED":
        return [_python(element["v"], field | {"mode": "NULLABLE"}) for element in value or []]
    if value is None:
        return None
    name = _name(field)
    if name == "STRUCT":
        return [_python(part["v"], of) for part, of in zip(value["f"], field["fields"], strict=True)]
    return _VALUES.get(name, str)(value)
