"""Google's reference implementation, which comes with the analyzer."""

from __future__ import annotations

import itertools
import json
import struct
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

from zetasql.core.exceptions import ServerError
from zetasql.wasi._pb2.zetasql.local_service.local_service_pb2 import (
    EvaluateQueryRequest,
    EvaluateQueryResponse,
    RegisterCatalogRequest,
    RegisterResponse,
)
from zetasql.wasi._pb2.zetasql.proto.simple_catalog_pb2 import SimpleCatalogProto
from zetasql.wasi._pb2.zetasql.public.type_pb2 import TypeKind, TypeProto
from zetasql.wasi._pb2.zetasql.public.value_pb2 import ValueProto

from tests.sql.analyzer.language import language, options
from tests.sql.analyzer.wasm import analyzer

_EPOCH = date(1970, 1, 1)


class Value(NamedTuple):
    """A value: the name of its type, and what it is in Python."""

    type: str
    value: Any


class Rows(NamedTuple):
    """What a query gives: names and types of its columns, and values of its rows."""

    columns: list[tuple[str, str]]
    rows: list[list[Any]]


class RefusedError(Exception):
    """An expression that is refused, with the reason."""


def evaluate(expression: str) -> Value:
    """Return what an expression is.

    Raises:
        RefusedError: It has no value.
    """
    ((_, kind),), ((value,),) = query(f"SELECT {expression}")
    return Value(kind, value)


def query(sql: str) -> Rows:
    """Return what a query gives.

    Raises:
        RefusedError: It is refused, or fails.
    """
    request = EvaluateQueryRequest(sql=sql, options=options({}), registered_catalog_id=_catalog())
    try:
        found = analyzer().call_grpc_func("ZetaSqlLocalService_EvaluateQuery", request, EvaluateQueryResponse)
    except ServerError as error:
        raise RefusedError(error.message) from None
    unnamed = itertools.count()
    columns = [(column.name or f"f{next(unnamed)}_", _name(column.type)) for column in found.prepared.columns]
    kinds = [column.type for column in found.prepared.columns]
    rows = found.content.table_data.row
    return Rows(columns, [[_python(cell, kind) for cell, kind in zip(row.cell, kinds, strict=True)] for row in rows])


@cache
def _catalog() -> int:
    catalog = SimpleCatalogProto(name="bigquery")
    catalog.builtin_function_options.language_options.CopyFrom(language())
    request = RegisterCatalogRequest(simple_catalog=catalog)
    response = analyzer().call_grpc_func("ZetaSqlLocalService_RegisterCatalog", request, RegisterResponse)
    return int(response.registered_id)


def _name(kind: TypeProto) -> str:
    name = TypeKind.Name(kind.type_kind).removeprefix("TYPE_")
    if name == "ARRAY":
        return f"ARRAY<{_name(kind.array_type.element_type)}>"
    if name == "STRUCT":
        return "STRUCT"
    return "FLOAT64" if name == "DOUBLE" else name


def _python(value: ValueProto, kind: TypeProto) -> Any:
    if value.WhichOneof("value") is None:
        return None
    match _name(kind).split("<")[0]:
        case "FLOAT64":
            return value.double_value
        case "DATE":
            return (_EPOCH + timedelta(value.date_value)).isoformat()
        case "TIMESTAMP":
            return value.timestamp_value.seconds * 10**6 + value.timestamp_value.nanos // 1000
        case "DATETIME":
            packed = value.datetime_value.bit_field_datetime_seconds
            day = f"{packed >> 26:04}-{packed >> 22 & 15:02}-{packed >> 17 & 31:02}"
            return f"{day}T{_time(packed, value.datetime_value.nanos)}"
        case "TIME":
            return _time(value.time_value >> 30, value.time_value & (1 << 30) - 1)
        case "INTERVAL":
            return _interval(value.interval_value)
        case "NUMERIC":
            return Decimal(int.from_bytes(value.numeric_value, "little", signed=True)).scaleb(-9).normalize()
        case "BIGNUMERIC":
            return Decimal(int.from_bytes(value.bignumeric_value, "little", signed=True)).scaleb(-38).normalize()
        case "INTERVAL":
            return _interval(value.interval_value)
        case "JSON":
            return json.loads(value.json_value)
        case "ARRAY":
            return [_python(element, kind.array_type.element_type) for element in value.array_value.element]
        case "STRUCT":
            fields = zip(value.struct_value.field, kind.struct_type.field, strict=True)
            return [_python(field, of.field_type) for field, of in fields]
        case name:
            return getattr(value, f"{name.lower()}_value")


def _interval(packed: bytes) -> str:
    """Return an interval as it stands in a result: microseconds, days, and months above the nanoseconds."""
    microseconds, days, months = struct.unpack("<qii", packed)
    seconds, fraction = divmod(abs(microseconds), 10**6)
    years, months = divmod(abs(months >> 13), 12) if months >= 0 else divmod(abs(months & 0x7FFFFFFF) >> 13, 12)
    time = f"{seconds // 3600}:{seconds // 60 % 60}:{seconds % 60}{f'.{fraction:06}' if fraction else ''}"
    sign = "-" if packed[15] & 128 else ""
    return f"{sign}{years}-{months} {days} {'-' if microseconds < 0 else ''}{time}"


def _time(packed: int, nanos: int) -> str:
    fraction = f".{nanos // 1000:06}" if nanos else ""
    return f"{packed >> 12 & 31:02}:{packed >> 6 & 63:02}:{packed & 63:02}{fraction}"


def _interval(packed: bytes) -> str:
    """Return an interval, which comes as micros, days, and sign and number of months above nanos."""
    micros, days, months_nanos = struct.unpack("<qiI", packed)
    months = (months_nanos >> 13 & (1 << 18) - 1) * (-1 if months_nanos >> 31 else 1)
    seconds, rest = divmod(abs(micros), 10**6)
    fraction = f".{rest:06}".removesuffix("000") if rest else ""
    time = f"{seconds // 3600}:{seconds // 60 % 60}:{seconds % 60}{fraction}"
    return f"{'-' * (months < 0)}{abs(months) // 12}-{abs(months) % 12} {days} {'-' * (micros < 0)}{time}"
