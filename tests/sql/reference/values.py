"""Values and types as Python, as ZetaSQL and as BigQuery's client have them.

An INT64 is an int, a FLOAT64 a float, a NUMERIC or BIGNUMERIC a Decimal, a TIMESTAMP a datetime in UTC, an ARRAY a
list, a STRUCT a tuple, JSON what it has in it; a DATETIME, TIME or INTERVAL, which no table has, is the text of a
result. NULL is None.
"""

from __future__ import annotations

import json
import struct
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from google.cloud.bigquery import SchemaField
from zetasql.wasi._pb2.zetasql.public.type_pb2 import TypeKind, TypeProto
from zetasql.wasi._pb2.zetasql.public.value_pb2 import ValueProto

from tests.sql.analyzer.language import simple_type

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_DAY = _EPOCH.date()
# The names of BigQuery's API where they are not those of SQL.
_OF_API = {"BOOLEAN": "BOOL", "FLOAT": "FLOAT64", "INTEGER": "INT64"}
_FIELDS = {
    TypeKind.TYPE_BOOL: "bool_value",
    TypeKind.TYPE_BYTES: "bytes_value",
    TypeKind.TYPE_DOUBLE: "double_value",
    TypeKind.TYPE_INT64: "int64_value",
    TypeKind.TYPE_STRING: "string_value",
}
_DECIMALS = {TypeKind.TYPE_NUMERIC: 9, TypeKind.TYPE_BIGNUMERIC: 38}


def type_of_field(field: SchemaField) -> TypeProto:
    """Return the type of a column as BigQuery's API says it."""
    if field.field_type in ("RECORD", "STRUCT"):
        kind = TypeProto(type_kind=TypeKind.TYPE_STRUCT)
        for part in field.fields:
            kind.struct_type.field.add(field_name=part.name).field_type.CopyFrom(type_of_field(part))
    else:
        kind = simple_type(_OF_API.get(field.field_type, field.field_type))
    if field.mode != "REPEATED":
        return kind
    array = TypeProto(type_kind=TypeKind.TYPE_ARRAY)
    array.array_type.element_type.CopyFrom(kind)
    return array


def name_of(kind: TypeProto) -> str:
    """Return what to call a type."""
    match kind.type_kind:
        case TypeKind.TYPE_ARRAY:
            return f"ARRAY<{name_of(kind.array_type.element_type)}>"
        case TypeKind.TYPE_STRUCT:
            return f"STRUCT<{', '.join(name_of(field.field_type) for field in kind.struct_type.field)}>"
        case TypeKind.TYPE_DOUBLE:
            return "FLOAT64"
        case _:
            return TypeKind.Name(kind.type_kind).removeprefix("TYPE_")


def to_zetasql(value: Any, kind: TypeProto) -> ValueProto:
    """Return a value of BigQuery's client as ZetaSQL takes it."""
    made = ValueProto()
    if value is None:
        return made
    match kind.type_kind:
        case TypeKind.TYPE_ARRAY:
            made.array_value.SetInParent()
            made.array_value.element.extend(to_zetasql(item, kind.array_type.element_type) for item in value)
        case TypeKind.TYPE_STRUCT:
            made.struct_value.SetInParent()
            fields = kind.struct_type.field
            parts = [value[field.field_name] for field in fields] if isinstance(value, dict) else value
            made.struct_value.field.extend(
                to_zetasql(part, field.field_type) for part, field in zip(parts, fields, strict=True)
            )
        case TypeKind.TYPE_DATE:
            made.date_value = (value - _FIRST_DAY).days
        case TypeKind.TYPE_TIMESTAMP:
            micros = (value - _EPOCH) // timedelta(microseconds=1)
            made.timestamp_value.seconds, rest = divmod(micros, 1_000_000)
            made.timestamp_value.nanos = rest * 1000
        case TypeKind.TYPE_NUMERIC:
            scaled = int(Decimal(value).scaleb(_DECIMALS[kind.type_kind]))
            made.numeric_value = scaled.to_bytes(scaled.bit_length() // 8 + 1, "little", signed=True)
        case simple:
            setattr(made, _FIELDS[simple], value)
    return made


def from_zetasql(value: ValueProto, kind: TypeProto) -> Any:
    """Return a value of ZetaSQL's as BigQuery's client has it."""
    if value.WhichOneof("value") is None:
        return None
    match kind.type_kind:
        case TypeKind.TYPE_ARRAY:
            return [from_zetasql(item, kind.array_type.element_type) for item in value.array_value.element]
        case TypeKind.TYPE_STRUCT:
            fields = kind.struct_type.field
            return tuple(
                from_zetasql(part, field.field_type)
                for part, field in zip(value.struct_value.field, fields, strict=True)
            )
        case TypeKind.TYPE_DATE:
            return _FIRST_DAY + timedelta(days=value.date_value)
        case TypeKind.TYPE_TIMESTAMP:
            instant = value.timestamp_value
            return _EPOCH + timedelta(seconds=instant.seconds, microseconds=instant.nanos // 1000)
        case TypeKind.TYPE_NUMERIC | TypeKind.TYPE_BIGNUMERIC:
            scaled = value.numeric_value or value.bignumeric_value
            return Decimal(f"{int.from_bytes(scaled, 'little', signed=True)}e-{_DECIMALS[kind.type_kind]}")
        case TypeKind.TYPE_DATETIME:
            packed = value.datetime_value.bit_field_datetime_seconds
            day = f"{packed >> 26:04}-{packed >> 22 & 15:02}-{packed >> 17 & 31:02}"
            return f"{day}T{_time(packed, value.datetime_value.nanos)}"
        case TypeKind.TYPE_TIME:
            return _time(value.time_value >> 30, value.time_value & (1 << 30) - 1)
        case TypeKind.TYPE_INTERVAL:
            return _interval(value.interval_value)
        case TypeKind.TYPE_JSON:
            return json.loads(value.json_value)
        case simple:
            return getattr(value, _FIELDS[simple])


def of_client(value: Any) -> Any:
    """Return a value of BigQuery's client, whose structs are dicts, as `from_zetasql` would."""
    if isinstance(value, dict):
        return tuple(map(of_client, value.values()))
    if isinstance(value, list):
        return [of_client(item) for item in value]
    return value


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
