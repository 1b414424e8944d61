"""Files and folders that their owner alone can read."""

import os
import secrets
import stat
from pathlib import Path

from local_stack.config import StackError

UMASK = 0o077
"""Of every process of the stack."""


def own_folder(folder: Path) -> None:
    """Make a folder, or shut an existing one to everybody else.

    Raises:
        StackError: It belongs to somebody else, or is one that all users write to, such as /tmp.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.stat()
    if status.st_uid != os.geteuid() or status.st_mode & stat.S_ISVTX:
        raise StackError(f"{folder} is not a folder of your own: set LOGLINE_STATE_DIR to another one")
    folder.chmod(0o700)


def write_private(path: Path, text: str) -> None:
    """Write a file in one step."""
    unfinished = _unfinished(path, text)
    unfinished.replace(path)


def make_private(path: Path, text: str) -> str:
    """Write a file unless it is there; return what is in it."""
    unfinished = _unfinished(path, text)
    try:
        path.hardlink_to(unfinished)
    except FileExistsError:
        return path.read_text()
    finally:
        unfinished.unlink()
    return text


def _unfinished(path: Path, text: str) -> Path:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    unfinished.touch(mode=0o600, exist_ok=False)
    unfinished.write_text(text)
    return unfinished
