"""Loads of more small files than memory holds the readers of."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pyarrow as pa
from bqemulator.jobs import executor
from pyarrow import parquet

from emulators.bigquery.jobs.loads import load_file

FILES = 300
COLUMNS = [f"column_{number}" for number in range(35)]


def test_hundreds_of_files_within_the_least_memory(tmp_path: Path) -> None:
    paths = [str(tmp_path / f"{number}.parquet") for number in range(FILES)]
    for number, path in enumerate(paths):
        rows = [f"{number} {'x' * 20}", None]
        parquet.write_table(pa.table(dict.fromkeys(COLUMNS, rows)), path, compression="zstd")
    engine = duckdb.connect(tmp_path / "database", config={"memory_limit": "128MiB"})
    engine.execute(f"CREATE TABLE landed ({', '.join(f'{name} VARCHAR' for name in COLUMNS)})")
    job = executor._LoadJobConfig(
        *("project", "dataset", "landed", "landed", [], "PARQUET", "WRITE_APPEND", "CREATE_NEVER"),
        {"parquetFiles": paths},
    )
    context: Any = SimpleNamespace(engine=engine)
    load_file("", job, context)
    counted = engine.execute(f"SELECT COUNT(*), COUNT(DISTINCT {COLUMNS[-1]}) FROM landed").fetchone()
    assert counted == (2 * FILES, FILES)
