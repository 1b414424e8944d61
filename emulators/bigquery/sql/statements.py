"""What is done to a statement before bqemulator translates it: refuse what is not BigQuery's, show system tables.

bqemulator 1.4.0 hands DuckDB whatever it cannot translate: `COPY`, `ATTACH`, `read_csv()`. It has no `__TABLES__`,
answers questions to the `INFORMATION_SCHEMA` of a missing dataset with no rows, and an empty query with none.
"""

import re
from typing import Any

import sqlglot
from bqemulator.catalog.duckdb_repository import DuckDBCatalogRepository
from bqemulator.domain.errors import InvalidQueryError, NotFoundError
from bqemulator.jobs import executor
from bqemulator.row_access.identity import CallerIdentity
from bqemulator.sql import inner_query, translator
from bqemulator.sql.rewriter.information_schema import expand_information_schema
from bqemulator.sql.rewriter.session_user import rewrite_session_user
from sqlglot import expressions as exp

from emulators.bigquery.billing.column_sizes import KEPT
from emulators.bigquery.functions.literals import plain_literal
from emulators.bigquery.functions.rewriting import rewrite
from emulators.bigquery.parsing import own_statements, statements
from emulators.bigquery.sizes import TableSizes
from emulators.bigquery.sql.column_names import name_columns

_LITERAL_OR_COMMENT = re.compile(
    r"""@`(?P<parameter>\w+)`"""
    r"""|(?P<keyword>\b(?:FROM|JOIN|INTO|UPDATE|MERGE|TABLE|VIEW|USING|EXISTS)\s+)(?P<project>[a-z]\w*(?:-\w+)+)(?=\.\w)"""
    r"""|(?P<prefix>\b(?:r?b|br?|r))?(?P<literal>'{3}.*?'{3}|"{3}.*?"{3}|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|`[^`]*`)|(?:--|\#)[^\n]*|/\*.*?\*/""",
    re.DOTALL | re.IGNORECASE,
)
#: How BigQuery's statements begin, without those that bqemulator's interpreter of scripts keeps to itself.
_STATEMENT = re.compile(
    r"[\s(]*(?:SELECT|WITH|FROM|INSERT|UPDATE|DELETE|MERGE|TRUNCATE|CREATE|ALTER|DROP|EXPORT\s+DATA|CALL|ASSERT"
    r"|GRANT|REVOKE)\b",
    re.IGNORECASE,
)
_NAMES_SYSTEM_TABLE = re.compile("INFORMATION_SCHEMA|__TABLES", re.IGNORECASE)
_SYSTEM = ("__TABLES__", "__TABLES_SUMMARY__", "INFORMATION_SCHEMA")
#: The columns of `__TABLES__`, each with a value of its type.
_COLUMNS = {
    "project_id": "''",
    "dataset_id": "''",
    "table_id": "''",
    "creation_time": "0",
    "last_modified_time": "0",
    "row_count": "0",
    "size_bytes": "0",
    "type": "0",
}
_TYPES = {"TABLE": 1, "CLONE": 1, "VIEW": 2, "EXTERNAL": 3, "MATERIALIZED_VIEW": 4, "SNAPSHOT": 5}


def without_comments(sql: str) -> str:
    """Return a statement with a space in place of each comment; literals mean what they mean.

    The names of parameters lose their quotes, which SQLAlchemy writes, and those of projects with dashes get some:
    bqemulator does not understand them otherwise.
    """
    return _LITERAL_OR_COMMENT.sub(_plain, sql)


def _plain(found: re.Match[str]) -> str:
    if found["parameter"]:
        return f"@{found['parameter']}"
    if found["literal"]:
        return plain_literal(found["prefix"] or "", found["literal"])
    return f"{found['keyword']}`{found['project']}`" if found["project"] else " "


def _name(found: re.Match[str]) -> str:
    """Return what is a name, and nothing of a text."""
    return found[0] if found["keyword"] or found[0].startswith("`") else " "


def check_kind(sql: str) -> None:
    """Refuse a statement that BigQuery does not have.

    Raises:
        InvalidQueryError: It is one of DuckDB's.
    """
    if sql.strip() and not _STATEMENT.match(sql):
        raise InvalidQueryError(f"Syntax error: Unexpected keyword {sql.split()[0].upper()}", location="query")


def check_functions(sql: str) -> None:
    """Refuse the table functions of DuckDB, which read files and settings; BigQuery's own are in a dataset.

    Raises:
        InvalidQueryError: There is one.
    """
    for statement in statements(sql):
        for table in statement.find_all(exp.Table):
            function = table.this
            if isinstance(function, exp.Func) and not table.db:
                name = function.name if isinstance(function, exp.Anonymous) else function.sql_name()
                raise InvalidQueryError(f"Table-valued function not found: {name.lower()}", location="query")


def expand_system_tables(sql: str, project_id: str, catalog: DuckDBCatalogRepository) -> str:
    """Return a statement with the rows of `__TABLES__` and the views of `INFORMATION_SCHEMA` in their place.

    Raises:
        NotFoundError: Their dataset does not exist.
    """
    if not (_NAMES_SYSTEM_TABLE.search(sql) and _NAMES_SYSTEM_TABLE.search(_LITERAL_OR_COMMENT.sub(_name, sql))):
        return sql
    script = own_statements(sql)
    expanded = [
        _expand(table, project_id, catalog) for statement in script for table in list(statement.find_all(exp.Table))
    ]
    if any(expanded):
        sql = ";\n".join(statement.sql(dialect="bigquery") for statement in script)
    return str(expand_information_schema(sql, project_id, catalog))


def _expand(table: exp.Table, default_project: str, catalog: DuckDBCatalogRepository) -> bool:
    parts = [name for part in table.parts for name in part.name.split(".")]
    position = next((n for n, name in enumerate(parts) if name.upper() in _SYSTEM), 0)
    dataset = parts[position - 1]
    if position == 0 or dataset.startswith("region-"):
        return False
    project = ".".join(parts[: position - 1]) or default_project
    if catalog.get_dataset(project, dataset) is None and parts[-1].upper() != "SCHEMATA":
        raise NotFoundError(f"Not found: Dataset {project}:{dataset} was not found", location="query")
    if parts[position].upper() == "INFORMATION_SCHEMA":
        return False
    subquery = exp.Subquery(this=sqlglot.parse_one(_rows(project, dataset, catalog), read="bigquery"))
    subquery.set("alias", exp.TableAlias(this=exp.to_identifier(table.alias or parts[position])))
    table.replace(subquery)
    return True


def _rows(project: str, dataset: str, catalog: DuckDBCatalogRepository) -> str:
    """Return a query for the rows of `__TABLES__`, whose times are in ms."""
    sizes = TableSizes(catalog._engine)
    rows = [
        f"SELECT '{project}', '{dataset}', '{table.table_id}', {int(table.creation_time.timestamp() * 1000)},"
        f" {int(KEPT.modified(table).timestamp() * 1000)}, {', '.join(map(str, sizes.of(table)))},"
        f" {_TYPES[table.table_type]}"
        for table in catalog.list_tables(project, dataset)
    ]
    columns = ", ".join(f"{value} AS {name}" for name, value in _COLUMNS.items())
    return " UNION ALL ".join([f"SELECT {columns} LIMIT 0" if not rows else f"(SELECT {columns} LIMIT 0)", *rows])


def patch() -> None:
    """Put these before bqemulator's first steps, which rewrite by regular expressions."""
    parse_script_or_raise = executor._parse_script_or_raise

    def begin_translation(sql: str, caller: CallerIdentity) -> str:
        bare = without_comments(sql)
        check_functions(bare)
        return rewrite(str(rewrite_session_user(bare, caller)))

    def begin_statement(sql: str, project_id: str, catalog: DuckDBCatalogRepository) -> str:
        bare = without_comments(sql)
        check_kind(bare)
        return name_columns(expand_system_tables(bare, project_id, catalog))

    vars(translator)["rewrite_session_user"] = begin_translation
    vars(inner_query)["rewrite_unnest_offset"] = str  # `functions.arrays` counts from 0

    def parse_script(sql: str) -> Any:
        script = parse_script_or_raise(sql)
        if not script.statements:
            raise InvalidQueryError("Empty query")
        return script

    vars(executor)["_parse_script_or_raise"] = parse_script
    vars(inner_query)["expand_information_schema"] = begin_statement
