"""Arrays, their rows, and aggregates."""

from __future__ import annotations

from functools import reduce

from sqlglot import expressions as exp

from emulators.bigquery.functions.macros import Calls, Functions, macro, refuse

FUNCTIONS: Functions = ()


def _array(node: exp.Expr, _: bool) -> exp.Expr | None:
    """Give the structs of an array the names that the first one has, also where they are written `(1, 2)`."""
    first, *others = node.expressions or [None]
    fields = first.expressions if isinstance(first, exp.Struct) else []
    if not fields or not all(isinstance(field, exp.PropertyEQ) for field in fields):
        return None
    tuples = [other for other in others if isinstance(other, exp.Tuple) and len(other.expressions) == len(fields)]
    for other in tuples:
        named = zip(fields, other.expressions, strict=True)
        other.replace(
            exp.Struct(
                expressions=[exp.PropertyEQ(this=field.this.copy(), expression=value.copy()) for field, value in named]
            )
        )
    return node.copy() if tuples else None


def _unnest(node: exp.Expr, _: bool) -> exp.Expr | None:
    """Return the rows of an array: DuckDB counts from 1, and without an alias it has no columns for fields."""
    offset, alias, join = node.args.get("offset"), node.args.get("alias"), node.parent
    if len(node.expressions) != 1 or not isinstance(join, exp.From | exp.Join):
        return None
    array = node.expressions[0]
    names = (alias.columns or [alias.this]) if alias else []
    name = names[0] if names else None
    if name is None and isinstance(array, exp.Array) and not _has_structs(array):
        name = exp.to_identifier("f0_")
    if name is None and not offset and isinstance(array, exp.Array):
        return None
    if name is not None and not offset:
        return None if alias else _aliased(node, name)
    if isinstance(join, exp.Join) and join.side and not join.args.get("on"):
        join.set("on", exp.true())  # which BigQuery leaves out before an array
    if not offset:
        return exp.Table(this=macro("bq_rows", array))
    number = exp.to_identifier(offset.name if isinstance(offset, exp.Identifier) else "offset", quoted=True)
    if name is not None:
        element = exp.alias_(macro("bq_elements", array), name.copy())
        return exp.select(element, exp.alias_(macro("bq_offsets", array), number)).subquery()
    rows = exp.Table(this=macro("bq_numbered_rows", array))
    fields = exp.Star(except_=[exp.to_identifier("bq_number")])
    return exp.select(fields, exp.alias_(exp.column("bq_number"), number)).from_(rows).subquery()


def _has_structs(array: exp.Array) -> bool:
    return any(isinstance(element, exp.Struct) for element in array.expressions)


def _aliased(node: exp.Expr, name: exp.Expr) -> exp.Expr:
    made = node.copy()
    made.set("alias", exp.TableAlias(columns=[name]))
    return made


def _array_concat(node: exp.Expr, _: bool) -> exp.Expr:
    arrays: list[exp.Expr] = [node.this, *node.expressions]
    return reduce(lambda before, array: macro("bq_array_concat", before, array), arrays)


def _array_slice(node: exp.Expr, _: bool) -> exp.Expr:
    return macro("bq_array_slice", node.this, node.args["start"], node.args["end"])


def _array_to_string(node: exp.Expr, _: bool) -> exp.Expr:
    null = node.args.get("null")
    return macro("bq_array_to_string", node.this, node.expression, *([null] if null else []))


def _generate_array(node: exp.Expr, _: bool) -> exp.Expr:
    return macro("bq_generate_array", node.args["start"], node.args["end"], node.args.get("step") or 1)


def _array_agg(node: exp.Expr, _: bool) -> exp.Expr | None:
    if isinstance(node.parent, exp.IgnoreNulls | exp.RespectNulls) or not isinstance(node.this, exp.Limit):
        return None
    return macro("bq_first_elements", exp.ArrayAgg(this=node.this.this.copy()), node.this.expression)


def _nulls(node: exp.Expr, _: bool) -> exp.Expr | None:
    """Aggregate without NULLs, before the ORDER BY and LIMIT that SQLGlot takes for the value."""
    aggregate = node.this
    if isinstance(node, exp.RespectNulls) and isinstance(aggregate, exp.PercentileCont | exp.PercentileDisc):
        raise refuse("PERCENTILE_CONT and PERCENTILE_DISC with RESPECT NULLS are not offered by the local BigQuery")
    if not isinstance(aggregate, exp.ArrayAgg):
        return None
    limit = aggregate.this if isinstance(aggregate.this, exp.Limit) else None
    ordered = limit.this if limit else aggregate.this
    made: exp.Expr = exp.ArrayAgg(this=ordered.copy())
    if isinstance(node, exp.IgnoreNulls):
        made = _without_nulls(made)
    return macro("bq_first_elements", made, limit.expression) if limit else made


def _without_nulls(aggregate: exp.Expr) -> exp.Expr:
    value = aggregate.this.this if isinstance(aggregate.this, exp.Order) else aggregate.this
    value = value.expressions[0] if isinstance(value, exp.Distinct) else value
    return exp.Filter(this=aggregate, expression=exp.Where(this=value.copy().is_(exp.null()).not_()))


def _string_agg(node: exp.Expr, _: bool) -> exp.Expr | None:
    limit = node.this
    if not isinstance(limit, exp.Limit):
        return None
    elements = macro("bq_first_elements", _without_nulls(exp.ArrayAgg(this=limit.this.copy())), limit.expression)
    return macro("bq_array_to_string", elements, node.args.get("separator") or ",")


def _array_concat_agg(node: exp.Expr, _: bool) -> exp.Expr | None:
    if not isinstance(node.this, exp.Limit):
        return None
    arrays = _without_nulls(exp.ArrayAgg(this=node.this.this.copy()))
    return macro("flatten", macro("bq_first_elements", arrays, node.this.expression))


def _avg(node: exp.Expr, _: bool) -> exp.Expr | None:
    return (
        None
        if isinstance(node.parent, exp.Window) or isinstance(node.this, exp.Distinct)
        else macro("bq_avg", node.this)
    )


def _corr(node: exp.Expr, _: bool) -> exp.Expr | None:
    return None if isinstance(node.parent, exp.Window) else macro("bq_corr", node.this, node.expression)


def _sum(node: exp.Expr, _: bool) -> None:
    """Refuse a sum of conditions, which DuckDB counts."""
    if isinstance(node.this.unnest(), exp.Boolean | exp.Connector | exp.Not | exp.Predicate):
        raise refuse("No matching signature for aggregate function SUM: it takes no BOOL")


def _ordered(node: exp.Expr, _: bool) -> None:
    """Refuse the order of NULLs that BigQuery's aggregates do not offer; SQLGlot 30.11 leaves it out."""
    order = node.parent
    is_ascending = not node.args.get("desc")
    if (
        node.args.get("nulls_first") is not None
        and bool(node.args["nulls_first"]) != is_ascending
        and isinstance(order, exp.Order)
        and isinstance(order.find_ancestor(exp.AggFunc, exp.Window, exp.Query), exp.AggFunc)
    ):
        nulls, direction = ("NULLS LAST", "ASC") if is_ascending else ("NULLS FIRST", "DESC")
        raise refuse(f"{nulls} is not supported with {direction} sort order in aggregate functions")


def _min(node: exp.Expr, _: bool) -> exp.Expr | None:
    value = _value(node)
    return None if value is None or isinstance(node.parent, exp.Window) else macro("bq_min", value)


def _window(node: exp.Expr, _: bool) -> exp.Expr | None:
    if isinstance(node.this, exp.CountIf):
        counted = node.copy()
        counted.set("this", exp.Count(this=exp.case().when(node.this.this.copy(), "1")))
        return counted
    value = _value(node.this)
    if not isinstance(node.this, exp.Min) or value is None:
        return None
    floating = node.copy()
    floating.set("this", macro("arg_min", value, macro("bq_order_of_min", value)))
    return exp.Case(ifs=[exp.If(this=macro("bq_is_float", value), true=floating)], default=node.copy())


def _value(minimum: exp.Expr) -> exp.Expr | None:
    value = minimum.this
    value = value.expressions[0] if isinstance(value, exp.Distinct) else value
    return None if minimum.expressions or isinstance(value, exp.HavingMax) else value


CALLS: Calls = {
    exp.Array: _array,
    exp.ArrayAgg: _array_agg,
    exp.ArrayConcat: _array_concat,
    exp.ArrayConcatAgg: _array_concat_agg,
    exp.ArraySlice: _array_slice,
    exp.ArrayToString: _array_to_string,
    exp.Avg: _avg,
    exp.Corr: _corr,
    exp.GenerateSeries: _generate_array,
    exp.GroupConcat: _string_agg,
    exp.IgnoreNulls: _nulls,
    exp.Min: _min,
    exp.Ordered: _ordered,
    exp.RespectNulls: _nulls,
    exp.Sum: _sum,
    exp.Unnest: _unnest,
    exp.Window: _window,
}
