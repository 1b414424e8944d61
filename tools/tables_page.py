"""Write the tables of `docs/tables.md` from `dags/sql/**/schema.sql` and `view.sql`: `make generate`."""

from __future__ import annotations

from pathlib import Path

import sqlglot
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlglot import exp

from tools.marked_page import completed

REPOSITORY = Path(__file__).parents[1]
PAGE = REPOSITORY / "docs" / "tables.md"
MARKER = "<!-- From dags/sql by make generate: change it there. -->\n"
DATASET = "logline"


def described_tables() -> str:
    """Return the part of the page below the marker: every table and view with its columns."""
    environment = Environment(
        loader=FileSystemLoader(REPOSITORY / "dags"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 (SQL, of which sqlglot makes Markdown)
    )
    sections: list[str] = []
    first_with: dict[str, str] = {}
    paths = (REPOSITORY / "dags" / "sql").rglob("*.sql")
    for path in sorted(paths, key=lambda path: (path.parent.name != "requests", path.parent.name, path.name)):
        if path.name in ("schema.sql", "view.sql"):
            template = environment.get_template(str(path.relative_to(REPOSITORY / "dags")))
            sql = template.render(dataset=DATASET).strip().removesuffix(";")
            create = sqlglot.parse_one(sql, read="bigquery")
            columns = _columns(create)
            twin = first_with.setdefault(columns, path.parent.name)
            body = columns if twin == path.parent.name else f"The columns of [`{twin}`](#{twin})."
            sections.append(f"### {path.parent.name}\n\n{_about(create, path.parent.name)}\n\n{body}\n")
    return "\n".join(sections)


def _about(create: exp.Expr, name: str) -> str:
    options = {option.name: option.args["value"] for option in _properties(create, exp.Property)}
    if "description" not in options:
        raise ValueError(f"dags/sql/{name}: OPTIONS (description = …) is missing")
    text = f"{options['description'].name}."
    if create.args["kind"] == "VIEW":
        return f"A view. {text}"
    for partition in _properties(create, exp.PartitionedByProperty):
        text += f" Partitioned by `{partition.this.sql('bigquery')}`"
        if "require_partition_filter" in options:
            text += ", which a query must restrict"
    for cluster in _properties(create, exp.Cluster, exp.ClusterProperty):
        text += ", clustered by " + ", ".join(f"`{column.sql('bigquery')}`" for column in cluster.expressions)
    return text + "."


def _properties(create: exp.Expr, *kinds: type[exp.Expr]) -> list[exp.Expr]:
    return [found for found in create.args["properties"].expressions if type(found) in kinds]


def _columns(create: exp.Expr) -> str:
    is_view = create.args["kind"] == "VIEW"
    lines = ["| column | |", "|---|---|"] if is_view else ["| column | type | |", "|---|---|---|"]
    for column in create.this.expressions:
        constraints = [constraint.args["kind"] for constraint in column.args["constraints"]]
        text = "; ".join(
            option.args["value"].name
            for constraint in constraints
            if isinstance(constraint, exp.Properties)
            for option in constraint.expressions
            if option.name == "description"
        ).replace("|", "\\|")
        if is_view:
            lines.append(f"| `{column.name}` | {text} |")
        else:
            required = any(isinstance(constraint, exp.NotNullColumnConstraint) for constraint in constraints)
            kind = column.args["kind"].sql("bigquery") + (" NOT NULL" if required else "")
            lines.append(f"| `{column.name}` | {kind} | {text} |")
    if len(lines) > 2:
        return "\n".join(lines)
    return "Columns: " + ", ".join(f"`{name}`" for name in create.expression.named_selects) + "."


def page() -> str:
    """Return the whole page as it must be."""
    return completed(PAGE, MARKER, described_tables())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
