"""What the browser loads: the page and its few files, all of them from this machine."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent / "static"
TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}


def paths() -> dict[str, Path]:
    """Return the files by their path below `static`; nothing else is served."""
    found = sorted(path for path in HERE.rglob("*") if path.suffix in TYPES)
    return {path.relative_to(HERE).as_posix(): path for path in found}


@cache
def content(path: Path) -> str:
    """Return the page or one of its files, with the version of all files in their addresses."""
    return path.read_text(encoding="utf-8").replace("VERSION", version())


@cache
def version() -> str:
    """Return a digest of all files: part of their addresses, so that browsers may cache them."""
    digest = hashlib.sha256()
    for path in paths().values():
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
