"""The bytes that a statement processes, by Google's rules, and those that are billed.

A column of a partition counts once in a statement, however many times the statement reads it. What a statement
rewrites counts in full beside what it reads. See `docs/service-rules.md` for the sources, and for what is not counted.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import duckdb
from bqemulator.catalog.models import TableMeta
from bqemulator.catalog.repository import CatalogRepository
from sqlglot import expressions as exp

from emulators.bigquery.billing.column_sizes import TableColumns
from emulators.bigquery.billing.pruning import is_exact
from emulators.bigquery.billing.reads import Change, usage
from emulators.bigquery.billing.sources import Definition, Path
from emulators.bigquery.parsing import statements

_MIB = 1 << 20
LEAST_BILLED = 10 * _MIB


@dataclass(frozen=True)
class Estimate:
    """What a statement processes.

    Attributes:
        bytes_of: the bytes of each table that it reads or rewrites, by project, dataset and name.
    """

    bytes_of: Mapping[Path, int] = field(default_factory=dict)

    @property
    def processed(self) -> int:
        """Return the bytes processed."""
        return sum(self.bytes_of.values())

    @property
    def billed(self) -> int:
        """Return the bytes billed: whole MiB, and at least 10 of each table whose columns are read."""
        total = sum(max(size, LEAST_BILLED) for size in self.bytes_of.values() if size)
        return -(-total // _MIB) * _MIB


@dataclass(frozen=True)
class Warehouse:
    """What an estimate looks at.

    Attributes:
        catalog: the tables.
        columns: returns the columns of a table.
    """

    catalog: CatalogRepository
    columns: Callable[[TableMeta], TableColumns]

    def estimate(self, sql: str, project: str, values: Mapping[str, Any]) -> Estimate:
        """Return what a statement will process.

        Args:
            sql: The statement; of one that cannot be parsed nothing is known.
            project: The project of tables that name none.
            values: Those of parameters and variables, by their names in lower case.
        """
        tree = next(iter(statements(sql)), None)
        if tree is None:
            return Estimate()
        used = usage(tree, project, self._definition, values)
        if used.change and self._drops_partitions(used.change):
            return Estimate({used.change.path: 0})
        paths = dict.fromkeys(read.path for read in used.reads)
        found = {path: self._columns(path) for path in [*paths, *([used.change.path] if used.change else [])]}
        wanted: dict[Path, dict[str, set[Any]]] = {path: {} for path in paths}
        for read in used.reads:
            if counted := found[read.path]:
                partitions = counted.partitions(read.limits, values)
                for name in read.columns & counted.names:
                    wanted[read.path].setdefault(name, set()).update(partitions)
        sizes = {path: counted.bytes(wanted[path]) if (counted := found[path]) else 0 for path in paths}
        if used.change and (counted := found[used.change.path]):
            rewritten = counted.partitions(used.change.limits, values)
            everything = counted.bytes(dict.fromkeys(counted.names, rewritten))
            sizes[used.change.path] = sizes.get(used.change.path, 0) + everything
        return Estimate(sizes)

    def _definition(self, path: Path) -> Definition | None:
        table = self.catalog.get_table(*path)
        if table is None:
            return None
        if table.view_query and table.table_type == "VIEW":
            return Definition(path, view=next(iter(statements(table.view_query)), None) or exp.Select())
        by = table.time_partitioning or table.range_partitioning
        return Definition(
            path,
            tuple(one.name.lower() for one in table.schema_.fields),
            by.field.lower() if by is not None and by.field else None,
        )

    def _columns(self, path: Path) -> TableColumns | None:
        table = self.catalog.get_table(*path)
        try:
            return self.columns(table) if table else None
        except duckdb.CatalogException:
            return None  # whoever runs the statement says so

    def _drops_partitions(self, change: Change) -> bool:
        """Tell whether a DELETE takes whole partitions out, which reads nothing."""
        table = self.catalog.get_table(*change.path)
        by = table.time_partitioning if table else None
        if table is None or by is None or by.type != "DAY" or not change.partitions_only:
            return False
        kind = next((one.type for one in table.schema_.fields if one.name == by.field), "")
        return kind == "DATE" and all(is_exact(limit) for limit in change.limits)
