"""What a call has to be granted: https://cloud.google.com/bigquery/docs/access-control.

Whoever reads a view needs the permission to read its tables, too: no view is authorised here.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from bqemulator.catalog.duckdb_repository import DuckDBCatalogRepository
from bqemulator.catalog.repository import CatalogRepository
from bqemulator.domain.errors import PermissionDeniedError
from sqlglot import expressions as exp
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from emulators.bigquery.parsing import before_each_statement, statements, table_path
from emulators.guard.iam import CALLER, project_resource

_SERVICE = "//bigquery.googleapis.com/projects/"
_OBJECTS = "//storage.googleapis.com/projects/_/buckets/"
_GET, _READ, _WRITE = "bigquery.tables.get", "bigquery.tables.getData", "bigquery.tables.updateData"
_CREATE, _UPDATE, _DELETE = "bigquery.tables.create", "bigquery.tables.update", "bigquery.tables.delete"
_SYSTEM = re.compile(r"(INFORMATION_SCHEMA|__TABLES(_SUMMARY)?__)$", re.IGNORECASE)
_DATASETS, _DATASET = r"/projects/([^/]+)/datasets", r"/projects/([^/]+)/datasets/([^/]+)"
#: Methods and paths of the REST API, each with its permissions on what the path names.
_CALLS = [
    (method, re.compile(f"/bigquery/v2{path}"), permissions)
    for path, by_method in (
        (_DATASETS, {"POST": ("bigquery.datasets.create",)}),
        (
            _DATASET,
            {
                "GET": ("bigquery.datasets.get",),
                "PATCH": ("bigquery.datasets.update",),
                "PUT": ("bigquery.datasets.update",),
                "DELETE": ("bigquery.datasets.delete",),
            },
        ),
        (f"{_DATASET}/tables", {"GET": ("bigquery.tables.list",), "POST": (_CREATE,)}),
        (
            f"{_DATASET}/tables/([^/]+)",
            {"GET": (_GET,), "PATCH": (_UPDATE, _GET), "PUT": (_UPDATE, _GET), "DELETE": (_DELETE,)},
        ),
        (f"{_DATASET}/tables/([^/]+)/data", {"GET": (_GET, _READ)}),
        (f"{_DATASET}/tables/([^/]+)/insertAll", {"POST": (_WRITE,)}),
        (f"{_DATASET}/routines", {"GET": ("bigquery.routines.list",), "POST": ("bigquery.routines.create",)}),
        (
            f"{_DATASET}/routines/[^/]+",
            {
                "GET": ("bigquery.routines.get",),
                "PUT": ("bigquery.routines.update",),
                "DELETE": ("bigquery.routines.delete",),
            },
        ),
        (r"/projects/([^/]+)/(?:queries|jobs)", {"POST": ("bigquery.jobs.create",)}),
    )
    for method, permissions in by_method.items()
]
_UPLOADED_JOBS = re.compile(r"/(?:resumable/)?upload/bigquery/v2")


class Path(NamedTuple):
    """A table, a dataset where it has no name, or a project where it has neither."""

    project: str
    dataset: str = ""
    table: str = ""

    @property
    def resource(self) -> str:
        """Return the full name of the resource."""
        if not self.dataset:
            return project_resource(self.project)
        dataset = f"{_SERVICE}{self.project}/datasets/{self.dataset}"
        return f"{dataset}/tables/{self.table}" if self.table else dataset

    def __str__(self) -> str:
        """Return it as the service writes it."""
        return f"{self.project}:{'.'.join(filter(None, self[1:]))}" if self.dataset else self.project


def require(permission: str, path: Path) -> None:
    """Refuse a caller who lacks a permission.

    Raises:
        PermissionDeniedError: 403.
    """
    if CALLER.get().may(permission, path.resource):
        return
    kind = "Table" if path.table else "Dataset" if path.dataset else "Project"
    words = f"Permission {permission} denied on {kind.lower()} {path} (or it may not exist)."
    if permission == _READ:
        words = f"User does not have permission to query table {path}, or perhaps it does not exist."
    elif not path.dataset:
        words = f"User does not have {permission} permission in project {path}."
    raise PermissionDeniedError(f"Access Denied: {kind} {path}: {words}")


def require_objects(uris: list[str]) -> None:
    """Refuse a caller who may not read the objects of a load.

    Raises:
        PermissionDeniedError: 403.
    """
    caller = CALLER.get()
    for bucket, _, name in (uri.removeprefix("gs://").partition("/") for uri in uris if caller.account):
        wanted = [("storage.objects.get", f"{_OBJECTS}{bucket}/objects/{name.partition('*')[0]}")]
        if "*" in name:
            wanted.append(("storage.objects.list", f"{_OBJECTS}{bucket}"))
        for permission, resource in wanted:
            if not caller.may(permission, resource):
                raise PermissionDeniedError(
                    f"Access Denied: BigQuery BigQuery: Permission denied while globbing file pattern. "
                    f"{caller.account} does not have {permission} access to the Google Cloud Storage object. "
                    f"Permission '{permission}' denied on resource (or it may not exist). Please make sure "
                    f"gs://{bucket}/{name} is accessible via appropriate IAM roles."
                )


def require_request(method: str, target: str) -> None:
    """Refuse a REST request, by its path alone.

    Raises:
        PermissionDeniedError: 403.
    """
    path = _UPLOADED_JOBS.sub("/bigquery/v2", target)
    for of_method, pattern, permissions in _CALLS:
        if of_method == method and (found := pattern.fullmatch(path)):
            for permission in permissions:
                require(permission, Path(*found.groups()))


class PermittedRequests:
    """An ASGI application that answers 403 to a request whose caller lacks a permission.

    Args:
        app: Serves the rest.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a connection."""
        answer = self._app
        if scope["type"] == "http" and CALLER.get().account:
            try:
                require_request(scope["method"], scope["path"])
            except PermissionDeniedError as error:
                answer = JSONResponse(error.to_bigquery_error(), error.http_status)
        await answer(scope, receive, send)


def require_load(load: Mapping[str, Any], project: str) -> None:
    """Refuse a load job: it may make, change and fill its table, and reads its objects.

    Raises:
        PermissionDeniedError: 403.
    """
    table = _referred(load["destinationTable"], project)
    require(_CREATE, table._replace(table=""))
    for permission in (_UPDATE, _WRITE):
        require(permission, table)
    require_objects([uri for uri in load.get("sourceUris") or () if uri.startswith("gs://")])


def require_job(configuration: Mapping[str, Any], project: str, catalog: CatalogRepository) -> None:
    """Refuse a query for its destination, a copy and an extract for their tables.

    Raises:
        PermissionDeniedError: 403.
    """
    query, copy = configuration.get("query") or {}, configuration.get("copy") or {}
    for written in filter(None, (query.get("destinationTable"), copy.get("destinationTable"))):
        table = _referred(written, project)
        if catalog.get_table(*table) is None:
            require(_CREATE, table._replace(table=""))
        require(_WRITE, table)
    for source in copy.get("sourceTables") or filter(None, [copy.get("sourceTable")]):
        for permission in (_GET, _READ):
            require(permission, _referred(source, project))
    if extracted := (configuration.get("extract") or {}).get("sourceTable"):
        require("bigquery.tables.export", _referred(extracted, project))


def require_statement(sql: str, project: str, _catalog: DuckDBCatalogRepository) -> None:
    """Refuse a statement whose caller lacks a permission on what it reads, changes or makes.

    Raises:
        PermissionDeniedError: 403.
    """
    if CALLER.get().account:
        for tree in statements(sql):
            for permission, path in _demands(tree, project):
                require(permission, path)


def _demands(tree: exp.Expr, project: str) -> Iterator[tuple[str, Path]]:
    target = _target(tree)
    path = table_path(target, project) if target is not None else None
    if path is not None:
        for permission in _of_target(tree):
            is_made = permission.endswith(".create")
            yield permission, Path(path[0], path[1]) if is_made else Path(*path)
    elif isinstance(tree, exp.Create | exp.Drop) and tree.kind == "SCHEMA":
        made = tree.find(exp.Table)
        dataset = Path(made.catalog or project, made.db) if made else Path(project)
        is_made = isinstance(tree, exp.Create)
        yield f"bigquery.datasets.{'create' if is_made else 'delete'}", Path(dataset.project) if is_made else dataset
        return
    # A view's own query is a statement too.
    for table in tree.find_all(exp.Table):
        read = table_path(table, project) if table is not target else None
        if read and not (_SYSTEM.search(read[1]) or _SYSTEM.search(read[2])):
            yield _READ, Path(*read)


def _target(tree: exp.Expr) -> exp.Table | None:
    """Return the table that a statement changes, makes or drops, or the routine."""
    if not isinstance(tree, exp.Insert | exp.Update | exp.Delete | exp.Merge | exp.Create | exp.Drop | exp.Alter):
        return tree.expressions[0] if isinstance(tree, exp.TruncateTable) else None
    if getattr(tree, "kind", None) == "SCHEMA":
        return None
    return tree.this if isinstance(tree.this, exp.Table) else tree.this.find(exp.Table) if tree.this else None


def _of_target(tree: exp.Expr) -> tuple[str, ...]:
    if isinstance(tree, exp.Insert):
        return (_WRITE,)
    if isinstance(tree, exp.Update | exp.Delete | exp.Merge | exp.TruncateTable):
        return (_READ, _WRITE)
    kind = "routines" if tree.args.get("kind") in ("FUNCTION", "PROCEDURE", "TABLE FUNCTION") else "tables"
    if isinstance(tree, exp.Drop):
        return (f"bigquery.{kind}.delete", f"bigquery.{kind}.get")
    if isinstance(tree, exp.Alter):
        return (_GET, _UPDATE)
    replaces = (f"bigquery.{kind}.update",) if tree.args.get("replace") else ()
    rewrites = (_WRITE,) if replaces and tree.args.get("kind") == "TABLE" else ()
    return (f"bigquery.{kind}.create", *replaces, *rewrites)


def _referred(reference: Mapping[str, Any], project: str) -> Path:
    return Path(reference.get("projectId") or project, reference["datasetId"], reference["tableId"])


def patch() -> None:
    """Put the check before each statement that bqemulator runs."""
    before_each_statement(require_statement)
