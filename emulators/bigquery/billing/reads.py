"""Which columns of which tables a statement reads, and what limits their partitions.

Views, common table expressions and subqueries are looked into: a column counts where the whole statement needs it, and
a filter on a partitioning column limits every table that it is passed down to.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from sqlglot import expressions as exp

from emulators.bigquery.billing.sources import (
    CommonTable,
    CommonTables,
    Definition,
    Demand,
    Lookup,
    Path,
    Resolved,
    Scopes,
    Source,
    Sources,
    clause_names,
    conjuncts,
    is_query,
    is_star,
    merged,
    resolve,
    starred,
)

#: What the partitioning column is called in a limit.
PARTITION = "_partition"


class Read(NamedTuple):
    """One reading of a table.

    Attributes:
        path: project, dataset and name of the table.
        columns: the columns that are read, in lower case.
        limits: conditions that hold for every row that is read, on a column `PARTITION` and constants.
    """

    path: Path
    columns: frozenset[str]
    limits: tuple[exp.Expr, ...]


class Change(NamedTuple):
    """The table that an UPDATE, DELETE or MERGE rewrites.

    Attributes:
        path: project, dataset and name of the table.
        limits: as those of a `Read`: rows of other partitions stay as they are.
        partitions_only: whether a DELETE has no other condition than its limits.
    """

    path: Path
    limits: tuple[exp.Expr, ...]
    partitions_only: bool


class Usage(NamedTuple):
    """What a statement reads and rewrites."""

    reads: list[Read]
    change: Change | None = None


def usage(statement: exp.Expr, project: str, lookup: Lookup, variables: Collection[str] = ()) -> Usage:
    """Return what a statement reads and rewrites.

    Args:
        statement: Its tree.
        project: The project of tables that name none.
        lookup: Returns a table or view; None where there is none.
        variables: The names of a script's variables, in lower case.
    """
    reader = _Reader(project, lookup, variables)
    change = None
    if isinstance(statement, exp.Delete):
        change = reader.delete(statement)
    elif isinstance(statement, exp.Update):
        change = reader.update(statement)
    elif isinstance(statement, exp.Merge):
        change = reader.merge(statement)
    elif isinstance(statement, exp.Insert) or (isinstance(statement, exp.Create) and statement.kind == "TABLE"):
        reader.subqueries(statement.expression)
    elif isinstance(statement, exp.Query):
        reader.query(statement, Demand())
    return Usage(reader.reads, change)


class _Reader:
    def __init__(self, project: str, lookup: Lookup, variables: Collection[str]) -> None:
        self._sources = Sources(project, lookup)
        self._variables = variables
        self.reads: list[Read] = []

    # Statements

    def delete(self, statement: exp.Delete) -> Change | None:
        sources = self._sources.of(statement.this, {})
        self._walk(statement.args.get("where"), (sources,), {})
        return self._changed(sources, statement, exact=True)

    def update(self, statement: exp.Update) -> Change | None:
        sources = self._sources.of(statement.this, {})
        if from_ := statement.args.get("from_"):
            sources += self._sources.of(from_.this, {})
        for assignment in statement.expressions:
            self._walk(assignment.expression, (sources,), {})
        self._walk(statement.args.get("where"), (sources,), {})
        return self._changed(sources, statement)

    def merge(self, statement: exp.Merge) -> Change | None:
        sources = self._sources.of(statement.this, {}) + self._sources.of(statement.args["using"], {})
        self._walk(statement.args["on"], (sources,), {})
        rewrites = []
        for when in statement.args["whens"].expressions:
            self._walk(when.args.get("condition"), (sources,), {})
            then = when.args["then"]
            if isinstance(then, exp.Insert):
                self._walk(then.expression, (sources,), {})
                continue
            rewrites.append(when)
            for assignment in then.expressions if isinstance(then, exp.Update) else ():
                self._walk(assignment.expression, (sources,), {})
        change = self._changed(sources, statement)
        return change if rewrites else None

    def _changed(self, sources: list[Source], statement: exp.Expr, *, exact: bool = False) -> Change | None:
        """Read the sources of a statement; returns how it changes the first of them."""
        conditions = list(conjuncts(statement.args.get("on")))
        if where := statement.args.get("where"):
            conditions += conjuncts(where.this)
        for condition in conditions:
            self._limit(condition, (sources,), sources)
        target = sources[0]
        self._read(sources, ())
        if target.table is None:
            return None
        limits = _of_partitions(target.demand.limits, target.table)
        return Change(target.table.path, limits, exact and bool(limits) and len(limits) == len(conditions))

    # Queries

    def subqueries(self, node: exp.Expr | None) -> None:
        """Read whatever queries an expression consists of."""
        self._walk(node, (), {})

    def query(self, query: exp.Expr, demand: Demand, visible: CommonTables | None = None, outer: Scopes = ()) -> None:
        """Read what is wanted of a query.

        Args:
            query: Its tree.
            demand: What is wanted of it.
            visible: The common table expressions that it can name.
            outer: The sources of the queries around it.
        """
        own = dict(visible or {})
        added = []
        if with_ := query.args.get("with_"):
            for cte in with_.expressions:
                common = CommonTable(cte.this, dict(own))
                own[cte.alias.lower()] = common
                added.append(common)
        if isinstance(query, exp.SetOperation):
            self._set_operation(query, demand, own, outer)
        elif isinstance(query, exp.Select):
            self._select(query, demand, own, outer)
        elif isinstance(query, exp.Subquery):
            self.query(query.this, demand, own, outer)
        for common in reversed(added):
            for wanted in merged(common.demands):
                self.query(common.query, wanted, common.visible)

    def _set_operation(self, query: exp.SetOperation, demand: Demand, visible: CommonTables, outer: Scopes) -> None:
        names = self._sources.names(query.left, visible)
        for side in (query.left, query.right):
            others = self._sources.names(side, visible)
            if names is None or others is None or len(names) != len(others):
                self.query(side, Demand(), visible, outer)
                continue
            renamed = dict(zip(names, others, strict=True))
            columns = None
            if demand.columns is not None and not query.args.get("distinct") and type(query) is exp.Union:
                columns = {renamed[name] for name in demand.columns if name in renamed}
            limits = [(renamed[name], limit) for name, limit in demand.limits if name in renamed]
            self.query(side, Demand(columns, limits), visible, outer)

    def _select(self, select: exp.Select, demand: Demand, visible: CommonTables, outer: Scopes) -> None:
        groups = self._sources.groups(select, visible)
        sources = [source for group in groups for source in group]
        scopes = (sources, *outer)
        for key in ("where", "group", "having", "qualify", "order"):
            self._walk(select.args.get(key), scopes, visible)
        for window in select.args.get("windows") or ():
            self._walk(window, scopes, visible)
        if from_ := select.args.get("from_"):
            self._walk_from(from_.this, scopes, visible)
        for join in select.args.get("joins") or ():
            self._walk_join(join, scopes, visible)
        named = clause_names(select)
        everything = demand.columns is None or bool(select.args.get("distinct")) or "*" in named
        wanted = named | (demand.columns or set())
        for position, projection in enumerate(select.expressions, 1):
            if is_star(projection):
                self._star(projection, sources, scopes, None if everything else demand.columns)
            elif everything or projection.alias_or_name.lower() in wanted or str(position) in wanted:
                self._walk(projection, scopes, visible)
        self._limits(select, demand, groups, scopes)
        self._read(sources, outer)

    def _read(self, sources: Iterable[Source], outer: Scopes) -> None:
        for source in sources:
            if source.common is not None:
                source.common.demands.append(source.demand)
            elif source.query is not None:
                self.query(source.query, source.demand, source.visible, outer)
            elif source.table is not None:
                columns = source.demand.columns
                known = set(source.table.columns)
                read = frozenset(known if columns is None else columns & known)
                self.reads.append(Read(source.table.path, read, _of_partitions(source.demand.limits, source.table)))

    # Expressions

    def _walk(self, node: exp.Expr | None, scopes: Scopes, visible: CommonTables) -> None:
        """Want the columns that an expression names, and read its subqueries."""
        if node is None:
            return
        for found in node.walk(prune=lambda one: isinstance(one, exp.Query | exp.Column)):
            if isinstance(found, exp.Column):
                if resolved := resolve(found, scopes):
                    resolved.source.want_all() if resolved.name is None else resolved.source.want(resolved.name)
            elif isinstance(found, exp.Query):
                is_there = isinstance(found.parent, exp.Exists)
                self.query(found, Demand(set() if is_there else None), visible, scopes)

    def _walk_from(self, item: exp.Expr, scopes: Scopes, visible: CommonTables) -> None:
        """Want what arrays, functions and conditions of joins name."""
        if isinstance(item, exp.Subquery) and not is_query(item.this):
            self._walk_from(item.this, scopes, visible)
        elif isinstance(item, exp.Unnest) or isinstance(item.this, exp.Func):
            for argument in item.expressions or [item.this]:
                self._walk(argument, scopes, visible)
        for join in item.args.get("joins") or ():
            self._walk_join(join, scopes, visible)

    def _walk_join(self, join: exp.Expr, scopes: Scopes, visible: CommonTables) -> None:
        self._walk_from(join.this, scopes, visible)
        self._walk(join.args.get("on"), scopes, visible)
        for column in join.args.get("using") or ():
            for source in scopes[0]:
                if source.columns is None or column.name.lower() in source.columns:
                    source.want(column.name.lower())

    def _star(self, star: exp.Expr, sources: list[Source], scopes: Scopes, wanted: set[str] | None) -> None:
        for source, name in starred(star, sources):
            if name is None:
                source.demand.columns = None
            elif wanted is None or name in wanted:
                source.want(name)
        inner = star.this if isinstance(star, exp.Column) else star
        for replaced in inner.args.get("replace") or ():
            self._walk(replaced, scopes, {})

    # Limits

    def _limits(self, select: exp.Select, demand: Demand, groups: list[list[Source]], scopes: Scopes) -> None:
        """Hand on to each source what limits its rows."""
        if where := select.args.get("where"):
            for condition in conjuncts(where.this):
                self._limit(condition, scopes, scopes[0])
        before = list(groups[0]) if groups else []
        for join, joined in zip(select.args.get("joins") or (), groups[1:], strict=True):
            side = join.side.upper()
            limited = {"": before + joined, "LEFT": joined, "RIGHT": before}.get(side, [])
            for condition in conjuncts(join.args.get("on")):
                self._limit(condition, scopes, limited)
            before += joined
        for name, limit in demand.limits:
            self._pass_down(name, limit, select, scopes)

    def _limit(self, condition: exp.Expr, scopes: Scopes, limited: list[Source]) -> None:
        """Keep a condition that names one column of one source, beside constants."""
        columns = []
        for node in condition.walk(prune=lambda one: isinstance(one, exp.Query | exp.Column)):
            if isinstance(node, exp.Query):
                return
            if isinstance(node, exp.Column) and not self._is_variable(node, scopes):
                columns.append(node)
        owners = {resolve(column, scopes) for column in columns}
        if len(owners) != 1 or (owner := owners.pop()) is None or owner.name is None or owner.is_field:
            return
        source = owner.source
        if source not in limited or (source.table is not None and owner.name != source.table.partitioning):
            return
        texts = {column.sql() for column in columns}
        limit = condition.transform(
            lambda node: exp.column(PARTITION) if isinstance(node, exp.Column) and node.sql() in texts else node
        )
        source.demand.limits.append((owner.name, limit))

    def _is_variable(self, column: exp.Column, scopes: Scopes) -> bool:
        return column.parts[0].name.lower() in self._variables and resolve(column, scopes) is None

    def _pass_down(self, name: str, limit: exp.Expr, select: exp.Select, scopes: Scopes) -> None:
        """Limit the source of a column of a query, where that leaves the query's other rows as they are."""
        if select.args.get("limit") or select.args.get("offset"):
            return
        owner = None
        for projection in select.expressions:
            if is_star(projection):
                owner = owner or next(
                    (Resolved(source, name) for source, one in starred(projection, scopes[0]) if one == name), None
                )
            elif projection.alias_or_name.lower() == name:
                column = projection.unalias()
                owner = resolve(column, scopes[:1]) if isinstance(column, exp.Column) else None
        if owner is None or owner.name is None or owner.is_field:
            return
        for window in select.find_all(exp.Window):
            parts = [part for part in window.args.get("partition_by") or () if isinstance(part, exp.Column)]
            if window.parent_select is select and owner not in {resolve(part, scopes[:1]) for part in parts}:
                return
        source = owner.source
        if source.table is None or source.table.partitioning == owner.name:
            source.demand.limits.append((owner.name, limit))


def _of_partitions(limits: Iterable[tuple[str, exp.Expr]], table: Definition) -> tuple[exp.Expr, ...]:
    return tuple(limit for name, limit in limits if name == table.partitioning)
