"""Which columns of which tables a statement reads, and what limits their partitions.

Views, common table expressions and subqueries are looked into: a column counts where the whole statement needs it, and
a filter on a partitioning column limits every table that it is passed down to.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlglot import expressions as exp

Path = tuple[str, str, str]  # project, dataset, table

#: What the partitioning column is called in a limit.
PARTITION = "_partition"


class Definition(NamedTuple):
    """A table or view; the names of columns are in lower case.

    Attributes:
        path: project, dataset and name.
        columns: of a table, its columns.
        partitioning: the partitioning column, where there is one.
        view: of a view, its query.
    """

    path: Path
    columns: tuple[str, ...] = ()
    partitioning: str | None = None
    view: exp.Expr | None = None


Lookup = Callable[[Path], Definition | None]


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
        reader.query(statement, _Demand())
    return Usage(reader.reads, change)


@dataclass
class _Demand:
    """What is wanted of a query: some of its columns, or all, of the rows within limits on its columns."""

    columns: set[str] | None = None
    limits: list[tuple[str, exp.Expr]] = field(default_factory=list)


@dataclass
class _CommonTable:
    """A common table expression, with what is wanted of it at each of its places."""

    query: exp.Expr
    visible: _CommonTables
    demands: list[_Demand] = field(default_factory=list)


_CommonTables = Mapping[str, _CommonTable]


@dataclass(eq=False)
class _Source:
    """One entry of a FROM clause, with what is wanted of it; without columns where they are not known."""

    name: str
    columns: list[str] | None = None
    table: Definition | None = None
    query: exp.Expr | None = None
    visible: _CommonTables = field(default_factory=dict)
    common: _CommonTable | None = None
    demand: _Demand = field(default_factory=lambda: _Demand(set()))

    def want(self, column: str) -> None:
        if self.demand.columns is not None:
            self.demand.columns.add(column)

    def want_all(self) -> None:
        if self.columns is None:
            self.demand.columns = None
        for column in self.columns or ():
            self.want(column)


_Scopes = tuple[list[_Source], ...]  # the innermost first


class _Reader:
    def __init__(self, project: str, lookup: Lookup, variables: Collection[str]) -> None:
        self._project = project
        self._lookup = lookup
        self._variables = variables
        self._names: dict[int, list[str] | None] = {}
        self.reads: list[Read] = []

    # Statements

    def delete(self, statement: exp.Delete) -> Change | None:
        sources = self._from(statement.this, {})
        self._walk(statement.args.get("where"), (sources,), {})
        return self._changed(sources, statement, exact=True)

    def update(self, statement: exp.Update) -> Change | None:
        sources = self._from(statement.this, {})
        if from_ := statement.args.get("from_"):
            sources += self._from(from_.this, {})
        for assignment in statement.expressions:
            self._walk(assignment.expression, (sources,), {})
        self._walk(statement.args.get("where"), (sources,), {})
        return self._changed(sources, statement)

    def merge(self, statement: exp.Merge) -> Change | None:
        sources = self._from(statement.this, {}) + self._from(statement.args["using"], {})
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

    def _changed(self, sources: list[_Source], statement: exp.Expr, *, exact: bool = False) -> Change | None:
        """Read the sources of a statement; returns how it changes the first of them."""
        conditions = list(_conjuncts(statement.args.get("on")))
        if where := statement.args.get("where"):
            conditions += _conjuncts(where.this)
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

    def query(
        self, query: exp.Expr, demand: _Demand, visible: _CommonTables | None = None, outer: _Scopes = ()
    ) -> None:
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
                common = _CommonTable(cte.this, dict(own))
                own[cte.alias.lower()] = common
                added.append(common)
        if isinstance(query, exp.SetOperation):
            self._set_operation(query, demand, own, outer)
        elif isinstance(query, exp.Select):
            self._select(query, demand, own, outer)
        elif isinstance(query, exp.Subquery):
            self.query(query.this, demand, own, outer)
        for common in reversed(added):
            for wanted in _merged(common.demands):
                self.query(common.query, wanted, common.visible)

    def _set_operation(self, query: exp.SetOperation, demand: _Demand, visible: _CommonTables, outer: _Scopes) -> None:
        names = self.names(query.left, visible)
        for side in (query.left, query.right):
            others = self.names(side, visible)
            if names is None or others is None or len(names) != len(others):
                self.query(side, _Demand(), visible, outer)
                continue
            renamed = dict(zip(names, others, strict=True))
            columns = None
            if demand.columns is not None and not query.args.get("distinct") and type(query) is exp.Union:
                columns = {renamed[name] for name in demand.columns if name in renamed}
            limits = [(renamed[name], limit) for name, limit in demand.limits if name in renamed]
            self.query(side, _Demand(columns, limits), visible, outer)

    def _select(self, select: exp.Select, demand: _Demand, visible: _CommonTables, outer: _Scopes) -> None:
        groups = self._groups(select, visible)
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
        named = _named(select)
        everything = demand.columns is None or bool(select.args.get("distinct")) or "*" in named
        wanted = named | (demand.columns or set())
        for position, projection in enumerate(select.expressions, 1):
            if _is_star(projection):
                self._star(projection, sources, scopes, None if everything else demand.columns)
            elif everything or projection.alias_or_name.lower() in wanted or str(position) in wanted:
                self._walk(projection, scopes, visible)
        self._limits(select, demand, groups, scopes)
        self._read(sources, outer)

    def _read(self, sources: Iterable[_Source], outer: _Scopes) -> None:
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

    # Names

    def names(self, query: exp.Expr, visible: _CommonTables) -> list[str] | None:
        """Return the names of a query's columns, in lower case; None where they are not known."""
        if id(query) not in self._names:
            self._names[id(query)] = None  # as long as a recursive one asks for itself
            self._names[id(query)] = self._names_of(query, visible)
        return self._names[id(query)]

    def _names_of(self, query: exp.Expr, visible: _CommonTables) -> list[str] | None:
        own = dict(visible)
        if with_ := query.args.get("with_"):
            for cte in with_.expressions:
                own[cte.alias.lower()] = _CommonTable(cte.this, dict(own))
        if isinstance(query, exp.SetOperation):
            return self.names(query.left, own)
        if isinstance(query, exp.Subquery):
            return self.names(query.this, own)
        if not isinstance(query, exp.Select):
            return None
        found: list[str] = []
        for projection in query.expressions:
            if not _is_star(projection):
                found.append(projection.alias_or_name.lower())
                continue
            sources = [source for group in self._groups(query, own) for source in group]
            for _, name in _starred(projection, sources):
                if name is None:
                    return None
                found.append(name)
        return found

    # Sources

    def _groups(self, select: exp.Select, visible: _CommonTables) -> list[list[_Source]]:
        """Return the sources of FROM, then those of each join."""
        from_ = select.args.get("from_")
        items = ([from_] if from_ else []) + (select.args.get("joins") or [])
        return [self._from(item.this, visible) for item in items]

    def _from(self, item: exp.Expr, visible: _CommonTables) -> list[_Source]:
        if isinstance(item, exp.Subquery) and not (isinstance(item.this, exp.Query) and _is_query(item.this)):
            sources = self._from(item.this, visible)  # joins in parentheses
        else:
            sources = [self._source(item, visible)]
        for join in item.args.get("joins") or ():
            sources += self._from(join.this, visible)
        return sources

    def _source(self, item: exp.Expr, visible: _CommonTables) -> _Source:
        name = item.alias_or_name.lower()
        if isinstance(item, exp.Subquery):
            return _Source(name, self.names(item.this, visible), query=item.this, visible=visible)
        if not isinstance(item, exp.Table) or isinstance(item.this, exp.Func):
            alias, offset = item.args.get("alias"), item.args.get("offset")
            columns = [column.name.lower() for column in (alias.columns if alias else ())]
            return _Source(name, columns + ([offset.name.lower()] if isinstance(offset, exp.Expr) else []))
        parts = [part for node in item.parts for part in node.name.split(".")]
        if len(parts) == 1:
            common = visible.get(parts[0].lower())
            known = self.names(common.query, common.visible) if common else None
            return _Source(name, known, common=common)
        definition = self._lookup((".".join(parts[:-2]) or self._project, parts[-2], parts[-1]))
        if definition is None:
            return _Source(name)
        name = name if item.alias else parts[-1].lower()
        if definition.view is not None:
            return _Source(name, self.names(definition.view, {}), query=definition.view)
        source = _Source(name, list(definition.columns), table=definition)
        if item.args.get("pivots"):
            source.columns = source.demand.columns = None
        return source

    # Expressions

    def _walk(self, node: exp.Expr | None, scopes: _Scopes, visible: _CommonTables) -> None:
        """Want the columns that an expression names, and read its subqueries."""
        if node is None:
            return
        for found in node.walk(prune=lambda one: isinstance(one, exp.Query | exp.Column)):
            if isinstance(found, exp.Column):
                if resolved := _resolve(found, scopes):
                    resolved.source.want_all() if resolved.name is None else resolved.source.want(resolved.name)
            elif isinstance(found, exp.Query):
                is_there = isinstance(found.parent, exp.Exists)
                self.query(found, _Demand(set() if is_there else None), visible, scopes)

    def _walk_from(self, item: exp.Expr, scopes: _Scopes, visible: _CommonTables) -> None:
        """Want what arrays, functions and conditions of joins name."""
        if isinstance(item, exp.Subquery) and not _is_query(item.this):
            self._walk_from(item.this, scopes, visible)
        elif isinstance(item, exp.Unnest) or isinstance(item.this, exp.Func):
            for argument in item.expressions or [item.this]:
                self._walk(argument, scopes, visible)
        for join in item.args.get("joins") or ():
            self._walk_join(join, scopes, visible)

    def _walk_join(self, join: exp.Expr, scopes: _Scopes, visible: _CommonTables) -> None:
        self._walk_from(join.this, scopes, visible)
        self._walk(join.args.get("on"), scopes, visible)
        for column in join.args.get("using") or ():
            for source in scopes[0]:
                if source.columns is None or column.name.lower() in source.columns:
                    source.want(column.name.lower())

    def _star(self, star: exp.Expr, sources: list[_Source], scopes: _Scopes, wanted: set[str] | None) -> None:
        for source, name in _starred(star, sources):
            if name is None:
                source.demand.columns = None
            elif wanted is None or name in wanted:
                source.want(name)
        inner = star.this if isinstance(star, exp.Column) else star
        for replaced in inner.args.get("replace") or ():
            self._walk(replaced, scopes, {})

    # Limits

    def _limits(self, select: exp.Select, demand: _Demand, groups: list[list[_Source]], scopes: _Scopes) -> None:
        """Hand on to each source what limits its rows."""
        if where := select.args.get("where"):
            for condition in _conjuncts(where.this):
                self._limit(condition, scopes, scopes[0])
        before = list(groups[0]) if groups else []
        for join, joined in zip(select.args.get("joins") or (), groups[1:], strict=True):
            side = join.side.upper()
            limited = {"": before + joined, "LEFT": joined, "RIGHT": before}.get(side, [])
            for condition in _conjuncts(join.args.get("on")):
                self._limit(condition, scopes, limited)
            before += joined
        for name, limit in demand.limits:
            self._pass_down(name, limit, select, scopes)

    def _limit(self, condition: exp.Expr, scopes: _Scopes, limited: list[_Source]) -> None:
        """Keep a condition that names one column of one source, beside constants."""
        columns = []
        for node in condition.walk(prune=lambda one: isinstance(one, exp.Query | exp.Column)):
            if isinstance(node, exp.Query):
                return
            if isinstance(node, exp.Column) and not self._is_variable(node, scopes):
                columns.append(node)
        owners = {_resolve(column, scopes) for column in columns}
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

    def _is_variable(self, column: exp.Column, scopes: _Scopes) -> bool:
        return column.parts[0].name.lower() in self._variables and _resolve(column, scopes) is None

    def _pass_down(self, name: str, limit: exp.Expr, select: exp.Select, scopes: _Scopes) -> None:
        """Limit the source of a column of a query, where that leaves the query's other rows as they are."""
        if select.args.get("limit") or select.args.get("offset"):
            return
        owner = None
        for projection in select.expressions:
            if _is_star(projection):
                owner = owner or next(
                    (_Resolved(source, name) for source, one in _starred(projection, scopes[0]) if one == name), None
                )
            elif projection.alias_or_name.lower() == name:
                column = projection.unalias()
                owner = _resolve(column, scopes[:1]) if isinstance(column, exp.Column) else None
        if owner is None or owner.name is None or owner.is_field:
            return
        for window in select.find_all(exp.Window):
            parts = [part for part in window.args.get("partition_by") or () if isinstance(part, exp.Column)]
            if window.parent_select is select and owner not in {_resolve(part, scopes[:1]) for part in parts}:
                return
        source = owner.source
        if source.table is None or source.table.partitioning == owner.name:
            source.demand.limits.append((owner.name, limit))


class _Resolved(NamedTuple):
    """The source that a name is of, and the column: None for all of them, a field of it where `is_field`."""

    source: _Source
    name: str | None
    is_field: bool = False


def _resolve(column: exp.Column, scopes: _Scopes) -> _Resolved | None:
    names = [part.name.lower() for part in column.parts]
    for sources in scopes:
        for source in sources:
            if len(names) > 1 and source.name == names[0]:
                return _Resolved(source, names[1], len(names) > 2)
        for source in sources:
            if source.columns and names[0] in source.columns:
                return _Resolved(source, names[0], len(names) > 1)
        for source in sources:
            if source.name == names[0]:
                return _Resolved(source, None)
    for source in scopes[0] if scopes else ():
        if source.columns is None:
            return _Resolved(source, names[0], len(names) > 1)
    return None


def _starred(star: exp.Expr, sources: list[_Source]) -> Iterator[tuple[_Source, str | None]]:
    """Return the columns that a star stands for; None for those of a source whose columns are not known."""
    owner = star.table.lower() if isinstance(star, exp.Column) else ""
    inner = star.this if isinstance(star, exp.Column) else star
    excepted = {column.name.lower() for column in inner.args.get("except_") or ()}
    for source in sources:
        if owner in ("", source.name):
            for name in [None] if source.columns is None else source.columns:
                if name not in excepted:
                    yield source, name


def _is_star(projection: exp.Expr) -> bool:
    return isinstance(projection, exp.Star) or (
        isinstance(projection, exp.Column) and isinstance(projection.this, exp.Star)
    )


def _is_query(node: exp.Expr) -> bool:
    """Tell whether what stands in parentheses is a query, and not a join of tables."""
    while isinstance(node, exp.Subquery):
        node = node.this
    return isinstance(node, exp.Query) and not isinstance(node, exp.Table)


def _conjuncts(condition: exp.Expr | None) -> Iterator[exp.Expr]:
    while isinstance(condition, exp.Paren):
        condition = condition.this
    if isinstance(condition, exp.And):
        yield from _conjuncts(condition.left)
        yield from _conjuncts(condition.right)
    elif condition is not None:
        yield condition


def _named(select: exp.Select) -> set[str]:
    """Return what clauses may name projections by: their aliases and numbers; `*` for all of them."""
    found = set()
    for key in ("group", "having", "qualify", "order"):
        clause = select.args.get(key)
        if clause is None:
            continue
        if clause.args.get("all"):
            found.add("*")
        found |= {column.name.lower() for column in clause.find_all(exp.Column) if not column.table}
        for item in clause.expressions:
            number = item.this if isinstance(item, exp.Ordered) else item
            if isinstance(number, exp.Literal) and not number.is_string:
                found.add(number.name)
    return found


def _of_partitions(limits: Iterable[tuple[str, exp.Expr]], table: Definition) -> tuple[exp.Expr, ...]:
    return tuple(limit for name, limit in limits if name == table.partitioning)


def _merged(demands: Iterable[_Demand]) -> Iterable[_Demand]:
    """Return one demand for all with the same limits."""
    merged: dict[tuple[str, ...], _Demand] = {}
    for demand in demands:
        key = tuple(sorted(f"{name} {limit.sql()}" for name, limit in demand.limits))
        known = merged.setdefault(key, _Demand(set(), demand.limits))
        if known.columns is not None:
            known.columns = None if demand.columns is None else known.columns | demand.columns
    return merged.values()
