"""What a FROM clause offers to a query: tables, subqueries and arrays by name, with what is wanted of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlglot import expressions as exp

from emulators.bigquery.parsing import table_path

Path = tuple[str, str, str]  # project, dataset, table


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


@dataclass
class Demand:
    """What is wanted of a query: some of its columns, or all, of the rows within limits on its columns."""

    columns: set[str] | None = None
    limits: list[tuple[str, exp.Expr]] = field(default_factory=list)


@dataclass
class CommonTable:
    """A common table expression, with what is wanted of it at each of its places."""

    query: exp.Expr
    visible: CommonTables
    demands: list[Demand] = field(default_factory=list)


CommonTables = Mapping[str, CommonTable]


@dataclass(eq=False)
class Source:
    """One entry of a FROM clause, with what is wanted of it; without columns where they are not known."""

    name: str
    columns: list[str] | None = None
    table: Definition | None = None
    query: exp.Expr | None = None
    visible: CommonTables = field(default_factory=dict)
    common: CommonTable | None = None
    demand: Demand = field(default_factory=lambda: Demand(set()))

    def want(self, column: str) -> None:
        """Want a column."""
        if self.demand.columns is not None:
            self.demand.columns.add(column)

    def want_all(self) -> None:
        """Want all columns."""
        if self.columns is None:
            self.demand.columns = None
        for column in self.columns or ():
            self.want(column)


Scopes = tuple[list[Source], ...]  # the innermost first


class Resolved(NamedTuple):
    """The source that a name is of, and the column: None for all of them, a field of it where `is_field`."""

    source: Source
    name: str | None
    is_field: bool = False


def resolve(column: exp.Column, scopes: Scopes) -> Resolved | None:
    """Return what a name means, looked for in the innermost scope first; None where no source has it."""
    names = [part.name.lower() for part in column.parts]
    for sources in scopes:
        for source in sources:
            if len(names) > 1 and source.name == names[0]:
                return Resolved(source, names[1], len(names) > 2)
        for source in sources:
            if source.columns and names[0] in source.columns:
                return Resolved(source, names[0], len(names) > 1)
        for source in sources:
            if source.name == names[0]:
                return Resolved(source, None)
    for source in scopes[0] if scopes else ():
        if source.columns is None:
            return Resolved(source, names[0], len(names) > 1)
    return None


def starred(star: exp.Expr, sources: list[Source]) -> Iterator[tuple[Source, str | None]]:
    """Return the columns that a star stands for; None for those of a source whose columns are not known."""
    owner = star.table.lower() if isinstance(star, exp.Column) else ""
    inner = star.this if isinstance(star, exp.Column) else star
    excepted = {column.name.lower() for column in inner.args.get("except_") or ()}
    for source in sources:
        if owner in ("", source.name):
            for name in [None] if source.columns is None else source.columns:
                if name not in excepted:
                    yield source, name


def is_star(projection: exp.Expr) -> bool:
    """Tell whether a projection stands for several columns."""
    return isinstance(projection, exp.Star) or (
        isinstance(projection, exp.Column) and isinstance(projection.this, exp.Star)
    )


def is_query(node: exp.Expr) -> bool:
    """Tell whether what stands in parentheses is a query, and not a join of tables."""
    while isinstance(node, exp.Subquery):
        node = node.this
    return isinstance(node, exp.Query) and not isinstance(node, exp.Table)


def conjuncts(condition: exp.Expr | None) -> Iterator[exp.Expr]:
    """Return the conditions that must all hold for one to hold."""
    while isinstance(condition, exp.Paren):
        condition = condition.this
    if isinstance(condition, exp.And):
        yield from conjuncts(condition.left)
        yield from conjuncts(condition.right)
    elif condition is not None:
        yield condition


def clause_names(select: exp.Select) -> set[str]:
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


def merged(demands: Iterable[Demand]) -> Iterable[Demand]:
    """Return one demand for all with the same limits."""
    merged: dict[tuple[str, ...], Demand] = {}
    for demand in demands:
        key = tuple(sorted(f"{name} {limit.sql()}" for name, limit in demand.limits))
        known = merged.setdefault(key, Demand(set(), demand.limits))
        if known.columns is not None:
            known.columns = None if demand.columns is None else known.columns | demand.columns
    return merged.values()


class Sources:
    """Makes the sources of one statement.

    Args:
        project: The project of tables that name none.
        lookup: Returns a table or view; None where there is none.
    """

    def __init__(self, project: str, lookup: Lookup) -> None:
        self._project = project
        self._lookup = lookup
        self._names: dict[int, tuple[exp.Expr, list[str] | None]] = {}  # a query's number is its own while it is kept

    def names(self, query: exp.Expr, visible: CommonTables) -> list[str] | None:
        """Return the names of a query's columns, in lower case; None where they are not known."""
        if id(query) not in self._names:
            self._names[id(query)] = query, None  # as long as a recursive one asks for itself
            self._names[id(query)] = query, self._names_of(query, visible)
        return self._names[id(query)][1]

    def _names_of(self, query: exp.Expr, visible: CommonTables) -> list[str] | None:
        own = dict(visible)
        if with_ := query.args.get("with_"):
            for cte in with_.expressions:
                own[cte.alias.lower()] = CommonTable(cte.this, dict(own))
        if isinstance(query, exp.SetOperation):
            return self.names(query.left, own)
        if isinstance(query, exp.Subquery):
            return self.names(query.this, own)
        if not isinstance(query, exp.Select):
            return None
        found: list[str] = []
        for projection in query.expressions:
            if not is_star(projection):
                found.append(projection.alias_or_name.lower())
                continue
            sources = [source for group in self.groups(query, own) for source in group]
            for _, name in starred(projection, sources):
                if name is None:
                    return None
                found.append(name)
        return found

    def groups(self, select: exp.Select, visible: CommonTables) -> list[list[Source]]:
        """Return the sources of FROM, then those of each join."""
        from_ = select.args.get("from_")
        items = ([from_] if from_ else []) + (select.args.get("joins") or [])
        return [self.of(item.this, visible) for item in items]

    def of(self, item: exp.Expr, visible: CommonTables) -> list[Source]:
        """Return the sources of an item of FROM: more than one where it has joins."""
        if isinstance(item, exp.Subquery) and not (isinstance(item.this, exp.Query) and is_query(item.this)):
            sources = self.of(item.this, visible)  # joins in parentheses
        else:
            sources = [self._source(item, visible)]
        for join in item.args.get("joins") or ():
            sources += self.of(join.this, visible)
        return sources

    def _source(self, item: exp.Expr, visible: CommonTables) -> Source:
        name = item.alias_or_name.lower()
        if isinstance(item, exp.Subquery):
            return Source(name, self.names(item.this, visible), query=item.this, visible=visible)
        if not isinstance(item, exp.Table) or isinstance(item.this, exp.Func):
            alias, offset = item.args.get("alias"), item.args.get("offset")
            columns = [column.name.lower() for column in (alias.columns if alias else ())]
            return Source(name, columns + ([offset.name.lower()] if isinstance(offset, exp.Expr) else []))
        path = table_path(item, self._project)
        if path is None:
            common = visible.get(item.name.lower())
            known = self.names(common.query, common.visible) if common else None
            return Source(name, known, common=common)
        definition = self._lookup(path)
        if definition is None:
            return Source(name)
        name = name if item.alias else path[-1].lower()
        if definition.view is not None:
            return Source(name, self.names(definition.view, {}), query=definition.view)
        source = Source(name, list(definition.columns), table=definition)
        if item.args.get("pivots"):
            source.columns = source.demand.columns = None
        return source
