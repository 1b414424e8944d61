"""What the browser loads: the page and its few files, all of them from this machine."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent / "static"
TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}


@dataclass(frozen=True)
class File:
    """One file, ready to be sent.

    Attributes:
        content: its bytes.
        compressed: the same, gzipped.
        media_type: its content type.
    """

    content: bytes
    compressed: bytes
    media_type: str


def paths() -> dict[str, Path]:
    """Return the files by name; nothing else is served."""
    return {path.name: path for path in sorted(HERE.iterdir()) if path.suffix in TYPES}


@cache
def file(name: str) -> File | None:
    """Return a file by name, or None."""
    path = paths().get(name)
    if path is None:
        return None
    content = path.read_bytes().replace(b"VERSION", version().encode())
    return File(content, gzip.compress(content, 6, mtime=0), TYPES[path.suffix])


@cache
def version() -> str:
    """Return a digest of all files: part of their addresses, so that browsers may cache them."""
    digest = hashlib.sha256()
    for path in paths().values():
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@cache
def index() -> str:
    """Return the page, with the version of its files in their addresses."""
    return (HERE / "index.html").read_text(encoding="utf-8").replace("VERSION", version())
