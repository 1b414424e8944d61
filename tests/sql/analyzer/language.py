"""BigQuery's dialect of GoogleSQL, as `bigquery.yaml` has it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from zetasql.wasi._pb2.zetasql.proto.function_pb2 import FunctionArgumentTypeProto, FunctionProto
from zetasql.wasi._pb2.zetasql.proto.options_pb2 import AnalyzerOptionsProto, LanguageOptionsProto
from zetasql.wasi._pb2.zetasql.public.function_pb2 import FunctionEnums, SignatureArgumentKind
from zetasql.wasi._pb2.zetasql.public.options_pb2 import ERROR_MESSAGE_ONE_LINE, PRODUCT_EXTERNAL, LanguageFeature
from zetasql.wasi._pb2.zetasql.public.type_pb2 import TypeKind, TypeProto
from zetasql.wasi._pb2.zetasql.resolved_ast.resolved_node_kind_pb2 import ResolvedNodeKind

DIALECT: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("bigquery.yaml").read_text(encoding="utf-8"))
_TEMPLATED = {"T1": SignatureArgumentKind.ARG_TYPE_ANY_1, "T2": SignatureArgumentKind.ARG_TYPE_ANY_2}


@cache
def language() -> LanguageOptionsProto:
    """Return the language options."""
    return LanguageOptionsProto(
        product_mode=PRODUCT_EXTERNAL,
        enabled_language_features=[
            LanguageFeature.Value(f"FEATURE_{name}") for name in (*DIALECT["features"], *DIALECT["more_features"])
        ],
        supported_statement_kinds=[ResolvedNodeKind.Value(f"RESOLVED_{name}_STMT") for name in DIALECT["statements"]],
        reserved_keywords=["QUALIFY"],
    )


def options(parameters: dict[str, str]) -> AnalyzerOptionsProto:
    """Return the options of an analysis.

    Args:
        parameters: name and type of each query parameter.
    """
    analysis = AnalyzerOptionsProto(
        language_options=language(),
        error_message_mode=ERROR_MESSAGE_ONE_LINE,
        default_timezone="UTC",
        allow_undeclared_parameters=False,
    )
    allowed = analysis.allowed_hints_and_options
    allowed.disallow_unknown_options = allowed.disallow_duplicate_option_names = True
    for name, kind in DIALECT["options"].items():
        allowed.option.add(name=name, type=simple_type(kind))
    for name, kind in parameters.items():
        analysis.query_parameters.add(name=name.lower(), type=simple_type(kind))
    return analysis


def simple_type(kind: str) -> TypeProto:
    """Return the type of this name, for example INT64."""
    return TypeProto(type_kind=TypeKind.Value("TYPE_DOUBLE" if kind == "FLOAT64" else f"TYPE_{kind}"))


def functions() -> list[FunctionProto]:
    """Return the functions of BigQuery that open ZetaSQL lacks."""
    return [_function(**declared) for declared in DIALECT["functions"]]


def _function(*, name: str, arguments: list[str], returns: str, url: str, aggregate: bool = False) -> FunctionProto:
    function = FunctionProto(
        name_path=[name],
        group="BigQuery",
        mode=FunctionEnums.AGGREGATE if aggregate else FunctionEnums.SCALAR,
    )
    signature = function.signature.add()
    for kind in arguments:
        signature.argument.append(_argument(kind))
    signature.return_type.CopyFrom(_argument(returns))
    return function


def _argument(kind: str) -> FunctionArgumentTypeProto:
    argument = FunctionArgumentTypeProto(num_occurrences=1)
    argument.options.cardinality = FunctionEnums.REQUIRED
    if kind in _TEMPLATED:
        argument.kind = _TEMPLATED[kind]
    else:
        argument.kind = SignatureArgumentKind.ARG_TYPE_FIXED
        argument.type.CopyFrom(simple_type(kind))
    return argument
