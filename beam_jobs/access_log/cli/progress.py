"""How far a large file is read, on a terminal."""

from __future__ import annotations

import contextlib
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, TextIO

from beam_jobs.access_log.cli.shown import cut, padded, width
from beam_jobs.access_log.parser import BlockParser

_PROGRESS_SECONDS = 0.5
_COMPILING_SECONDS = 1.5


class Progress:
    """One line on a terminal that says how far a large file is read; nothing where the output is no terminal."""

    def __init__(self, output: TextIO) -> None:
        self._output = output if output.isatty() else None
        self._shown = time.monotonic()
        self._width = 0

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._show("")

    def warm_up(self, parser: BlockParser, sample: bytes) -> float:
        """Compile a parser by its first lines, tell the user if that takes long, and return the seconds it took."""
        started = time.perf_counter()
        note = threading.Timer(_COMPILING_SECONDS, self._show, ["compiling the parser, this once ..."])
        note.start()
        with _without_scipy():
            parser.parse(sample)
        note.cancel()
        note.join()
        return time.perf_counter() - started

    def show(self, name: str, lines: int, share: float | None) -> None:
        """Show how far the file is read, at most twice a second."""
        if self._output is not None and time.monotonic() - self._shown >= _PROGRESS_SECONDS:
            percent = "" if share is None else f"{min(share, 1):4.0%}, "
            self._show(f"{name}: {percent}{lines / 1e6:.1f} million lines")
            self._shown = time.monotonic()

    def _show(self, text: str) -> None:
        if self._output is not None and (text or self._width):
            text = cut(text, shutil.get_terminal_size().columns - 1)
            self._output.write("\r" + padded(text, self._width) + ("" if text else "\r"))
            self._output.flush()
            self._width = width(text)


@contextlib.contextmanager
def _without_scipy() -> Iterator[None]:
    """Let numba not look for scipy's BLAS, which nothing here calls: its import takes longer than 10,000 lines."""
    modules: dict[str, Any] = sys.modules
    hidden = "scipy.linalg" not in modules
    if hidden:
        modules["scipy.linalg"] = None
    try:
        yield
    finally:
        if hidden:
            del modules["scipy.linalg"]
