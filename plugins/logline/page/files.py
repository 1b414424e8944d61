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
    """The files by name; there are no others."""
    return {path.name: path for path in sorted(HERE.iterdir()) if path.suffix in TYPES}


@cache
def file(name: str) -> File | None:
    """A file by name; None where there is none of that name."""
    path = paths().get(name)
    if path is None:
        return None
    content = path.read_bytes().replace(b"VERSION", version().encode())
    return File(content, gzip.compress(content, 6, mtime=0), TYPES[path.suffix])


@cache
def version() -> str:
    """Changes whenever one of the files does: part of their addresses, so that browsers may keep them."""
    digest = hashlib.sha256()
    for path in paths().values():
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@cache
def index() -> str:
    """The page, with the version of its files in their addresses."""
    return (HERE / "index.html").read_text(encoding="utf-8").replace("VERSION", version())
