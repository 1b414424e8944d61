"""Write `docs/contracts/*.odcs.yaml`, a data contract for each table, and dbt's sources: `make generate`.

The format is the Open Data Contract Standard (bitol.io): columns from `dags/sql/**/schema.sql`, the rules of quality
from the `checks.sql` of the gates that a table passes. The tables are the sources of the dbt project `docs/dbt` too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlglot
import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlglot import exp

from logline import __version__

REPOSITORY = Path(__file__).parents[1]
SQL = REPOSITORY / "dags" / "sql"
CONTRACTS = REPOSITORY / "docs" / "contracts"
DBT_SOURCES = REPOSITORY / "docs" / "dbt" / "models" / "sources.yml"
HEAD = "# From dags/sql by make generate: change it there.\n"
DATASET = "logline"
# The gates that a table passes before it is landed, built or left; daily tables: all of them.
GATES = {
    "backfilled_requests": ("backfilled_requests", "landing"),
    "rejected_backfilled": ("landing",),
    "streamed_requests": ("landing",),
    "rejected_streamed": ("landing",),
    "requests": ("requests",),
}
_LOGICAL_TYPES = {
    "BOOL": "boolean",
    "BYTES": "string",
    "DATE": "date",
    "FLOAT64": "number",
    "INT64": "integer",
    "STRING": "string",
    "TIMESTAMP": "timestamp",
}
_SEVERITIES = {"fail": "error", "warn": "warning"}
# The start of a check: its name and level, either of which may be worked out.
_CHECK = re.compile(
    r"^SELECT (?:CAST\(\w+(?:\.\w+)? AS STRING\)(?: AS day)?, )?"
    r"(?:'(?P<name>[^']+)'|CONCAT\('(?P<prefix>[^']+)', name\))(?: AS check_name)?, (?:'(?P<level>\w+)'|IF\()",
    re.MULTILINE,
)


def files() -> dict[Path, str]:
    """Return every generated file, and its content as it must be."""
    made = list(contracts())
    tables = [contract["schema"][0] for _, contract in made]
    contents = dict(made) | {DBT_SOURCES: _dbt_sources(tables)}
    return {
        path: HEAD + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)
        for path, content in contents.items()
    }


def contracts() -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the file of each table's contract, and what it says."""
    environment = Environment(
        loader=FileSystemLoader(REPOSITORY / "dags"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 (SQL)
    )
    for path in sorted(SQL.rglob("schema.sql"), key=lambda path: path.parent.name):
        table = path.parent.name
        sql = environment.get_template(str(path.relative_to(REPOSITORY / "dags"))).render(dataset=DATASET)
        create = sqlglot.parse_one(sql.strip().removesuffix(";"), read="bigquery")
        gates = ("daily_summary",) if path.parent.parent.name in ("daily", "findings") else GATES.get(table, ())
        contract = _contract(table, create, [rule for gate in gates for rule in _rules(gate)])
        yield CONTRACTS / f"{table}.odcs.yaml", contract


def _dbt_sources(tables: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "version": 2,
        "sources": [
            {
                "name": DATASET,
                "description": "Web access logs: every request once, and the tables made from them.",
                "database": "{{ env_var('GOOGLE_CLOUD_PROJECT') }}",
                "schema": "{{ var('logline_dataset', '" + DATASET + "') }}",
                "tables": [
                    {
                        "name": table["name"],
                        "description": table["description"],
                        "columns": [
                            {
                                "name": column["name"],
                                "data_type": column["physicalType"],
                                "description": column["description"],
                            }
                            for column in table["properties"]
                        ],
                    }
                    for table in tables
                ],
            }
        ],
    }


def _contract(table: str, create: exp.Expr, rules: list[dict[str, str]]) -> dict[str, Any]:
    options = {option.name: option.args["value"] for option in _properties(create, exp.Property)}
    purpose = options["description"].name
    partition = next(iter(_properties(create, exp.PartitionedByProperty)), None)
    needs_filter = "require_partition_filter" in options
    schema: dict[str, Any] = {
        "name": table,
        "physicalName": table,
        "physicalType": "table",
        "logicalType": "object",
        "description": purpose,
        "properties": [_property(column, partition) for column in create.this.expressions],
    }
    if rules:
        schema["quality"] = rules
    return {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": f"urn:logline:{table}",
        "name": table,
        "version": __version__,
        "status": "active",
        "description": {
            "purpose": purpose,
            "usage": "Days are UTC." + (" A query must restrict the column of the partitions." if needs_filter else ""),
        },
        "servers": [
            {"server": "bigquery", "type": "bigquery", "project": "${GOOGLE_CLOUD_PROJECT}", "dataset": DATASET}
        ],
        "schema": [schema],
    }


def _property(column: exp.Expr, partition: exp.Expr | None) -> dict[str, Any]:
    constraints = [constraint.args["kind"] for constraint in column.args["constraints"]]
    kind = column.args["kind"].sql("bigquery")
    described = {
        "name": column.name,
        "logicalType": _LOGICAL_TYPES[kind],
        "physicalType": kind,
        "required": any(isinstance(constraint, exp.NotNullColumnConstraint) for constraint in constraints),
        "description": next(
            option.args["value"].name
            for constraint in constraints
            if isinstance(constraint, exp.Properties)
            for option in constraint.expressions
            if option.name == "description"
        ),
    }
    if partition is not None and column.name in {named.name for named in partition.find_all(exp.Identifier)}:
        described |= {"partitioned": True, "partitionKeyPosition": 1}
    return described


def _rules(gate: str) -> Iterator[dict[str, str]]:
    """Yield the checks of a gate: what they are called, and how bad it is when one does not pass."""
    for check in _CHECK.finditer((SQL / gate / "checks.sql").read_text(encoding="utf-8")):
        name = check["name"] or f"{check['prefix']}each daily table"
        yield {
            "name": name,
            "type": "text",
            "description": f"{name}: a check of dags/sql/{gate}/checks.sql, its results in quality_checks",
            "severity": _SEVERITIES[check["level"] or "fail"],
        }


def _properties(create: exp.Expr, *kinds: type[exp.Expr]) -> list[exp.Expr]:
    return [found for found in create.args["properties"].expressions if type(found) in kinds]


def write() -> None:
    """Write the contracts, and delete those of tables that are gone."""
    CONTRACTS.mkdir(exist_ok=True)
    written = files()
    for path in set(CONTRACTS.iterdir()) - set(written):
        path.unlink()
    for path, content in written.items():
        path.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    write()
