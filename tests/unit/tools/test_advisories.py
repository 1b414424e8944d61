"""Locked versions are held against advisories."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.advisories import Finding, findings, locked_versions

FIXED = {"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "1.2"}, {"fixed": "1.10"}]}]}
TWICE = {
    "ranges": [
        {"type": "GIT", "events": [{"introduced": "0"}]},
        {
            "type": "ECOSYSTEM",
            "events": [{"introduced": "0"}, {"fixed": "1.0"}, {"introduced": "2.0"}, {"last_affected": "2.5"}],
        },
    ]
}


def database(folder: Path, **advisory: Any) -> Path:
    path = folder / "vulns" / "some-package" / "PYSEC-1.yaml"
    path.parent.mkdir(parents=True)
    affected = [{"package": {"ecosystem": "PyPI", "name": "Some_Package"}, **advisory.pop("affected")}]
    path.write_text(yaml.safe_dump({"id": "PYSEC-1", "aliases": ["CVE-1"], "affected": affected, **advisory}))
    return folder


@pytest.mark.parametrize(
    ("affected", "version", "is_found"),
    [
        (FIXED, "1.1", False),
        (FIXED, "1.2", True),
        (FIXED, "1.9.1", True),
        (FIXED, "1.10", False),
        (TWICE, "0.9", True),
        (TWICE, "1.5", False),
        (TWICE, "2.5", True),
        (TWICE, "2.5.1", False),
        ({"versions": ["3.0"]}, "3.0", True),
        ({"versions": ["3.0"]}, "3.0.1", False),
    ],
)
def test_affected_versions_are_found(tmp_path: Path, affected: dict[str, Any], version: str, is_found: bool) -> None:
    found = list(findings(database(tmp_path, affected=affected), {"some-package": {version}, "other": {version}}))
    assert found == ([Finding("some-package", version, "PYSEC-1", "CVE-1")] if is_found else [])


def test_a_withdrawn_advisory_counts_no_more(tmp_path: Path) -> None:
    folder = database(tmp_path, affected=FIXED, withdrawn="2024-01-01T00:00:00Z")
    assert list(findings(folder, {"some-package": {"1.5"}})) == []


def test_every_package_of_the_locks_is_looked_at() -> None:
    locked = locked_versions()
    assert {"apache-beam", "apache-airflow", "pyarrow", "duckdb"} <= locked.keys()
    assert all(versions and all(version[0].isdigit() for version in versions) for versions in locked.values())
