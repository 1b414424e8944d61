"""DuckDB's spatial extension, without which bqemulator does not start, from the wheel ``duckdb-extension-spatial``."""

from importlib.resources import files
from pathlib import Path

import duckdb

_NAME = "spatial.duckdb_extension"


def link_extension(home: Path) -> None:
    """Link the extension to where DuckDB looks for it below a home folder: `INSTALL` would copy 80 MB.

    Args:
        home: The folder; a link or copy of an earlier start is replaced.

    Raises:
        ModuleNotFoundError: The wheel is not installed.
    """
    with duckdb.connect() as connection:
        ((version, *_),) = connection.execute("PRAGMA version").fetchall()
        ((platform,),) = connection.execute("PRAGMA platform").fetchall()
    link = home / ".duckdb" / "extensions" / version / platform / _NAME
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(str(files("duckdb_extension_spatial") / "extensions" / version / _NAME))
