"""Every statement with every kind of settings, and what the analyzer says of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.sql.analyzer.catalog import Catalog
from tests.sql.analyzer.dags import DagQueries
from tests.sql.analyzer.documents import (
    DATASET,
    PROJECT,
    document_scripts,
    documents,
    notebook_scripts,
    notebooks,
)
from tests.sql.analyzer.page import page_scripts
from tests.sql.analyzer.scripts import Complaint, Script, analyse
from tests.sql.analyzer.settings import KINDS
from tests.sql.analyzer.tracing import ROOT, Trace


@dataclass
class Report:
    """What was analysed.

    Attributes:
        statements: their number by script, then by kind of settings.
        complaints: all of them, each once.
        trace: the templates that were rendered, and their branches.
    """

    statements: dict[str, dict[str, int]] = field(default_factory=dict)
    complaints: dict[Complaint, None] = field(default_factory=dict)
    trace: Trace = field(default_factory=Trace)

    def add(self, scripts: Iterable[Script], catalog: Catalog, kind: str) -> None:
        """Analyse scripts, each with the tables of `catalog` alone."""
        for script in scripts:
            statements, complaints = analyse(script, catalog.copy())
            of_script = self.statements.setdefault(script.name, {})
            of_script[kind] = of_script.get(kind, 0) + statements
            self.complaints |= dict.fromkeys(complaints)


def analysed(folder: Path = ROOT / "dags") -> Report:
    """Analyse the DAGs of a folder, the page, and in the first kind of settings the documents and notebooks."""
    report = Report()
    for kind in KINDS:
        queries = DagQueries(folder, kind, report.trace)
        catalog = queries.catalog()
        report.add(queries.scripts, catalog, kind.name)
        report.add(page_scripts(kind, report.trace), catalog, kind.name)
        if kind is KINDS[0]:
            _add_documents(report, catalog)
    return report


def _add_documents(report: Report, catalog: Catalog) -> None:
    named = catalog.copy()
    named.add({(PROJECT, *path): columns for path, columns in catalog.tables.items() if path[0] == DATASET})
    for path in documents():
        report.add(document_scripts(path), named, "documents")
    for path in notebooks():
        report.add(notebook_scripts(path), named, "documents")
