"""DuckDB's spatial extension without a copy of it."""

from pathlib import Path

import duckdb
import pytest

from emulators.bigquery.spatial import link_extension


def test_the_wheels_extension_loads_and_an_earlier_one_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    link_extension(tmp_path)
    (link,) = tmp_path.rglob("*.duckdb_extension")
    link.unlink()
    link.write_bytes(b"an earlier release's copy")
    link_extension(tmp_path)
    assert link.is_symlink()
    with duckdb.connect() as connection:
        connection.execute("INSTALL spatial")
        connection.execute("LOAD spatial")
        assert connection.execute("SELECT ST_AsText(ST_Point(1, 2))").fetchall() == [("POINT (1 2)",)]
