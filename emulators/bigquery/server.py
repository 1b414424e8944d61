"""A local BigQuery: bqemulator with its data on disk.

``python -m emulators.bigquery --port 9050 --grpc-port 9060 --data-dir DIR --storage URL --project ID``

What differs from bqemulator 1.4.0 as it comes:

* DuckDB's spatial extension is that of a wheel, not of the network: see ``spatial.py``. DuckDB keeps its extensions
  below the data folder.
* DuckDB reaches no other file, and its memory is bounded, with the disk for the rest: see ``engine.py``. Other servers
  and the jobs run beside it.
* Statements and functions that BigQuery does not have are refused, `__TABLES__` is there, and comments are taken out
  before bqemulator takes an apostrophe in one for the beginning of a literal, and writes ``1.5e0`` for ``1.5`` in the
  literals behind it: see ``sql/statements.py``.
* No time travel: bqemulator copies a whole table at every statement that changes it
  (``SnapshotManager.capture``), which makes a small DELETE on a large table slow and fills the disk.
  ``CREATE SNAPSHOT TABLE`` still works.
* Appends of the Storage Write API run beside queries, and refuse columns that the table lacks, as ``insertAll`` does:
  see ``appends.py`` and ``inserts.py``.
* Tables and partitions expire: see ``expiry.py``.
* Transactions are DuckDB's: see ``sql/transactions.py``. What others change meanwhile, and rows that were streamed
  recently, are respected: see ``sql/changes.py``.
* The clock may be set ahead: see ``emulators/clock.py``.
* Conditions must be BOOL, and numbers are not compared with strings: see ``sql/conditions.py``.
* A routine that is refused leaves no entry: see ``sql/routines.py``.
* Loads and extracts go through Cloud Storage's API: see ``jobs/files.py``, and ``jobs/loads.py`` for what is loaded.
* Tables say how many rows they have, and how they are partitioned: see ``tables.py``.
* It describes its API, as `bq` demands: see ``discovery.py``.
* Jobs say how many bytes they process, within ``maximumBytesBilled``; dry runs run nothing: see ``jobs/accounts.py``,
  ``jobs/script_jobs.py``, ``jobs/dry_runs.py`` and ``billing``.
* Results of queries are written to their destinations, and read by pages: see ``jobs/destinations.py`` and
  ``jobs/results.py``.
* A failing `jobs.query` answers with its error's status: see ``jobs/queries.py``.
* Results and records of jobs are forgotten in the end: see ``jobs/kept_jobs.py``.
* Divisions by zero and indexes out of bounds fail, unless `SAFE.` says otherwise: see ``sql/runtime_errors.py``.
* Functions and operators mean what they mean in GoogleSQL: see ``functions``. Columns without a name are `f0_`, `f1_`
  and so on: see ``sql/column_names.py``.
* A statement is parsed once: see ``parsing.py``.
* Tables, jobs and requests are refused by the limits of the service's documentation: see ``table_rules.py`` and
  ``jobs/job_rules.py``, and ``docs/service-rules.md``.
* Tables with ``require_partition_filter`` want one: see ``sql/partition_filters.py``.
* Requests that a web page may have sent are refused, and calls of service accounts that lack a permission: see
  ``emulators/guard``, ``permissions.py`` and ``storage_permissions.py``.
"""

import argparse
import gc
import os
from collections.abc import Sequence
from pathlib import Path

from emulators.bigquery.heap import share_one_arena
from emulators.clock import Clock, add_clock_file
from emulators.guard.asgi import GuardedApplication
from emulators.guard.iam import Access, add_policy
from emulators.guard.rules import Guard, add_allowed_hosts


def serve(
    *,
    host: str,
    port: int,
    grpc_port: int,
    allowed_hosts: Sequence[str],
    data_dir: Path,
    storage: str | None,
    project: str,
    memory: int | None,
    clock_file: Path | None,
    most_connections: int | None,
    policy: Path | None,
    access_log: Path | None,
) -> None:
    """Serve BigQuery's REST API and Storage gRPC until SIGTERM or SIGINT.

    Args:
        host: Address both servers bind to.
        port: Port of the REST API (``/bigquery/v2``; ``/healthz`` tells when it is up).
        grpc_port: Port of the Storage Read and Write API.
        allowed_hosts: Names beside those of loopback by which clients reach the REST API.
        data_dir: Folder of the DuckDB file, created where missing.
        storage: Address of Cloud Storage, such as ``http://127.0.0.1:9023``; None for no ``gs://``.
        project: Project of requests that name none.
        memory: As `LockedEngine` has it.
        clock_file: As `Clock` has it.
        most_connections: Of the Storage Write API at once; None: the service's.
        policy: As `Access` has it.
        access_log: Likewise.
    """
    share_one_arena()
    data_dir = data_dir.resolve()
    data_dir.mkdir(parents=True, exist_ok=True)
    # DuckDB keeps extensions below the home folder; the emulator writes only into its data folder.
    os.environ["HOME"] = str(data_dir)
    import bqemulator.grpc_api.write_servicer
    import bqemulator.server
    from bqemulator.api.app import create_app
    from bqemulator.api.dependencies import AppContext
    from bqemulator.catalog.models import SnapshotMeta
    from bqemulator.config import LogFormat, LogLevel, PersistenceMode, Settings
    from bqemulator.versioning.snapshots import SnapshotManager

    from emulators.bigquery import (
        appends,
        discovery,
        inserts,
        parsing,
        permissions,
        spatial,
        storage_permissions,
        table_rules,
        tables,
    )
    from emulators.bigquery.engine import LockedEngine, transfers
    from emulators.bigquery.jobs import (
        accounts,
        destinations,
        dry_runs,
        files,
        intervals,
        job_rules,
        kept_jobs,
        queries,
        result_types,
        results,
        script_jobs,
    )
    from emulators.bigquery.sql import (
        changes,
        conditions,
        partition_filters,
        routines,
        runtime_errors,
        statements,
        views,
    )

    class NamedSnapshots(SnapshotManager):
        """Snapshots that a statement asks for, and no others."""

        def capture(
            self, project_id: str, dataset_id: str, table_id: str, *, kind: str = "AUTO"
        ) -> SnapshotMeta | None:
            return None if kind == "AUTO" else super().capture(project_id, dataset_id, table_id, kind=kind)

    spatial.link_extension(data_dir)
    clock = Clock(clock_file)
    LockedEngine.memory, LockedEngine.clock = memory, clock
    guard, access = Guard(allowed_hosts), Access(policy, access_log)
    appends.ConcurrentAppends.access = storage_permissions.PermittedReads.access = access
    if most_connections is not None:
        appends.ConcurrentAppends.most_connections = most_connections

    def create_guarded_app(context: AppContext) -> GuardedApplication:
        app = create_app(context)
        discovery.serve(app)
        queries.answer_errors(app)
        app.add_middleware(permissions.PermittedRequests)
        return GuardedApplication(app, guard, access=access)

    vars(bqemulator.server)["create_app"] = create_guarded_app
    vars(bqemulator.server)["DuckDBCatalogRepository"] = kept_jobs.Catalog
    vars(bqemulator.server)["DuckDBEngine"] = LockedEngine
    vars(bqemulator.server)["SystemClock"] = lambda: clock
    vars(bqemulator.server)["SnapshotManager"] = NamedSnapshots
    vars(bqemulator.grpc_api.write_servicer)["BigQueryWriteHandler"] = appends.ConcurrentAppends
    files.patch(files.Transfers(transfers(data_dir), storage, project))
    accounts.patch()
    script_jobs.patch()
    appends.patch()
    changes.patch()
    inserts.patch()
    intervals.patch()
    conditions.patch()
    destinations.patch()
    dry_runs.patch()
    job_rules.patch()
    kept_jobs.patch()
    parsing.patch()
    storage_permissions.patch()
    queries.patch()
    result_types.patch()
    results.patch()
    routines.patch()
    runtime_errors.patch()
    statements.patch()
    partition_filters.patch()
    permissions.patch()
    table_rules.patch()
    tables.patch()
    views.patch()
    gc.freeze()  # no collection looks through all that is imported
    gc.set_threshold(300_000, 20, 20)  # a statement makes some 100,000 objects, whose trees last for many statements
    bqemulator.server.run_forever(
        Settings(
            rest_host=host,
            rest_port=port,
            grpc_host=host,
            grpc_port=grpc_port,
            persistence_mode=PersistenceMode.PERSISTENT,
            data_dir=data_dir,
            upload_staging_dir=data_dir / "uploads",
            default_project_id=project,
            query_cache_ttl_seconds=0,
            enable_format_extensions=False,
            log_level=LogLevel.WARNING,
            log_format=LogFormat.CONSOLE,
        )
    )


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m emulators.bigquery", description="BigQuery emulator")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9050, help="port of the REST API")
    parser.add_argument("--grpc-port", type=int, default=9060, help="port of the Storage Read and Write API")
    add_allowed_hosts(parser)
    parser.add_argument("--data-dir", type=Path, required=True, help="folder of the DuckDB file")
    parser.add_argument("--storage", metavar="URL", help="Cloud Storage, such as http://127.0.0.1:9023")
    parser.add_argument("--project", required=True, help="project of requests that name none")
    add_clock_file(parser)
    parser.add_argument("--memory", type=int, metavar="MIB", help="of tables and queries (default: a quarter of all)")
    add_policy(parser)
    parser.add_argument("--most-connections", type=int, metavar="N", help="of the Storage Write API (default: 5000)")
    serve(**vars(parser.parse_args()))
