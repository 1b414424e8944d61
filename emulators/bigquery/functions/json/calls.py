"""JSON, as a type and in texts."""

from __future__ import annotations

from functools import partial
from typing import Any

from sqlglot import expressions as exp
from sqlglot.dialects.bigquery import BigQuery

from emulators.bigquery.functions.json import output, texts
from emulators.bigquery.functions.macros import Call, Calls, Functions, macro, refuse

_TEXT = "VARCHAR"
_OPTIONS: dict[str, Any] = {"return_type": _TEXT, "null_handling": "special"}

FUNCTIONS: Functions = (
    (
        "bq_json_read",
        lambda text, path, legacy: None if None in (text, path) else texts.found(text, path, legacy),
        {"parameters": [_TEXT, _TEXT, "BOOLEAN"], **_OPTIONS},
    ),
    ("bq_json_keys", texts.keys, {"parameters": [_TEXT, "BIGINT"], "return_type": "VARCHAR[]"}),
    ("bq_json_split", texts.elements, {"parameters": [_TEXT], "return_type": "VARCHAR[]"}),
    (
        "bq_json_parsed",
        lambda text, rounded: None if text is None else texts.parsed(text, rounded),
        {"parameters": [_TEXT, "BOOLEAN"], **_OPTIONS},
    ),
    (
        "bq_json_key",
        lambda text, key: None if None in (text, key) else texts.part(text, key),
        {"parameters": [_TEXT, _TEXT], **_OPTIONS},
    ),
    ("bq_json_of_value", output.of_value, {"parameters": [_TEXT, _TEXT, _TEXT, "BOOLEAN"], **_OPTIONS}),
)

#: Macros whose value is of the type JSON.
_JSON = ("bq_json", "bq_parse_json", "bq_json_at", "bq_to_json", "bq_json_same_type")


def _found(node: exp.Expr) -> exp.Expr:
    """Return what a function finds by its path.

    Raises:
        InvalidQueryError: The path is malformed, or no literal or parameter.
    """
    value, *paths = node.expressions
    path = paths[0] if paths else exp.Literal.string("$")
    is_legacy = node.name.upper().startswith("JSON_EXTRACT")
    if not path.is_string:
        if not isinstance(path, exp.Parameter | exp.Placeholder):
            raise refuse("JSONPath must be a string literal or query parameter")
        return macro("bq_json_found", value, None, path, is_legacy)
    try:
        native = texts.native_path(path.name, is_legacy)
    except ValueError as wrong:
        raise refuse(str(wrong)) from None
    return macro("bq_json_found", value, native, path, is_legacy)


def _value(node: exp.Expr, _: bool) -> exp.Expr:
    return macro("bq_json_scalar", _found(node))


def _query(node: exp.Expr, _: bool) -> exp.Expr:
    return macro("bq_json_same_type", node.expressions[0], _found(node))


def _value_array(node: exp.Expr, _: bool) -> exp.Expr:
    return macro("bq_json_scalars", macro("bq_json_elements", node.expressions[0], _found(node)))


def _query_array(node: exp.Expr, _: bool) -> exp.Expr:
    return macro("bq_json_array", node.expressions[0], _found(node))


def _parse_json(node: exp.Expr, is_safe: bool) -> exp.Expr:
    """Parse a text; of `JSON '..'.a`, SQLGlot 30.11 takes the subscript for a part of the literal."""
    text = node.this
    while isinstance(text, exp.Dot | exp.Bracket):
        text = text.this
    is_rounded = _option(node.expression, "wide_number_mode") == "round"
    if text is node.this or not text.is_string:
        return _parsed(node.this, is_rounded, is_safe)
    subscripts: list[exp.Expr] = []
    subscripted = node.this
    while subscripted is not text:
        key = subscripted.expression if isinstance(subscripted, exp.Dot) else _plain(subscripted)
        subscripts.insert(0, exp.Literal.string(key.name) if isinstance(key, exp.Identifier) else key)
        subscripted = subscripted.this
    value = _parsed(text, is_rounded, is_safe)
    for key in subscripts:
        value = macro("bq_json_at", value, key)
    return value


def _parsed(text: exp.Expr, is_rounded: bool, is_safe: bool) -> exp.Expr:
    normal = texts.parsed(text.name, is_rounded) if text.is_string else None
    return macro("bq_json", normal) if normal is not None else macro("bq_parse_json", text, is_rounded, is_safe)


def _bracket(node: exp.Expr, _: bool) -> exp.Expr | None:
    if len(node.expressions) != 1 or _is_of_literal(node):
        return None
    key = node.expressions[0]
    if key.is_string or _is_json(node.this):
        return macro("bq_json_at", node.this, _plain(node))
    return macro("bq_element", node.this, key) if node.args.get("offset") is None else None


def _plain(node: exp.Expr) -> exp.Expr:
    if node.args.get("offset") is not None:
        raise refuse("Subscript access using [OFFSET(INT64)] is not supported on values of type JSON")
    key: exp.Expr = node.expressions[0]
    return key


def _dot(node: exp.Expr, _: bool) -> exp.Expr | None:
    if not isinstance(node.expression, exp.Identifier) or _is_of_literal(node) or not _is_json(node.this):
        return None
    return macro("bq_json_at", node.this, node.expression.name)


def _is_of_literal(node: exp.Expr) -> bool:
    """Tell whether a subscript is one of `JSON '..'`, which is done as a whole."""
    last: exp.Expr | None = node
    while isinstance(last, exp.Dot | exp.Bracket):
        last = last.parent
    return isinstance(last, exp.ParseJSON)


def _is_json(node: exp.Expr) -> bool:
    node = node.unnest()
    return (isinstance(node, exp.Anonymous) and node.name in _JSON) or (
        isinstance(node, exp.Cast) and node.to.is_type("json")
    )


def _to_json(node: exp.Expr, _: bool) -> exp.Expr:
    options = node.args.get("options")
    if node.args.get("to_json"):
        is_wide = _option(options, "stringify_wide_numbers") == "true"
        return macro("bq_to_json", node.this, "wide" if is_wide else "json")
    pretty = options.expression if isinstance(options, exp.Kwarg) else options
    return macro("bq_to_json_string", node.this, pretty if pretty else False)


def _option(node: exp.Expr | None, name: str) -> str | None:
    is_named = isinstance(node, exp.Kwarg) and node.this.name.lower() == name
    if not is_named or node is None:
        return None
    value = node.expression
    return str(value.this).lower() if isinstance(value, exp.Boolean) else value.name.lower()


def _json_type(node: exp.Expr, _: bool) -> exp.Expr:
    return macro("bq_json_type", node.this)


def _keys(node: exp.Expr, _: bool) -> exp.Expr:
    if node.args.get("mode"):
        raise refuse("JSON_KEYS with a mode is not offered by the local BigQuery")
    return macro("bq_keys", node.this, node.expression or 100)


def _as(name: str, node: exp.Expr, is_safe: bool) -> exp.Expr:
    return macro(name, node.this, is_safe)


def _lax(name: str, node: exp.Expr, _: bool) -> exp.Expr:
    return macro(name, node.this)


def _float64(node: exp.Expr, is_safe: bool) -> exp.Expr:
    is_exact = _option(node.expression, "wide_number_mode") == "exact"
    return macro("bq_json_exact_float64" if is_exact else "bq_json_float64", node.this, is_safe)


def _string(node: exp.Expr, is_safe: bool) -> exp.Expr | None:
    return None if node.args.get("zone") else macro("bq_string", node.this, is_safe)


_PATHS: dict[type[exp.Expr] | str, Call] = {
    "JSON_EXTRACT": _query,
    "JSON_EXTRACT_ARRAY": _query_array,
    "JSON_EXTRACT_SCALAR": _value,
    "JSON_EXTRACT_STRING_ARRAY": _value_array,
    "JSON_QUERY": _query,
    "JSON_QUERY_ARRAY": _query_array,
    "JSON_VALUE": _value,
    "JSON_VALUE_ARRAY": _value_array,
}
# SQLGlot 30.11 keeps neither a path as it is written nor, for some of these, a call without one.
for _function in _PATHS:
    BigQuery.Parser.FUNCTIONS.pop(str(_function), None)

CALLS: Calls = {
    **_PATHS,
    exp.Bracket: _bracket,
    exp.Dot: _dot,
    exp.Float64: _float64,
    exp.Int64: partial(_as, "bq_json_int64"),
    exp.JSONBool: partial(_as, "bq_json_bool"),
    exp.JSONFormat: _to_json,
    exp.JSONKeysAtDepth: _keys,
    exp.JSONType: _json_type,
    exp.LaxBool: partial(_lax, "bq_lax_bool"),
    exp.LaxFloat64: partial(_lax, "bq_lax_float64"),
    exp.LaxInt64: partial(_lax, "bq_lax_int64"),
    exp.LaxString: partial(_lax, "bq_lax_string"),
    exp.ParseJSON: _parse_json,
    exp.String: _string,
}
