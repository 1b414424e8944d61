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
        StackError: It cannot be made or shut, is another user's, or one that all users write to, such as /tmp.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_mode & stat.S_ISVTX:
            raise StackError(f"{folder} is a folder of all users: set LOGLINE_STATE_DIR to one of your own")
        check_owner(folder)
        folder.chmod(0o700)
    except OSError as error:
        raise _unusable(folder, error) from error


def check_owner(folder: Path) -> None:
    """Check that a folder, if there is one, is the caller's: after root had used another's, its owner could not.

    Raises:
        StackError: It is another user's, or cannot be reached.
    """
    try:
        owner = folder.stat().st_uid
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unusable(folder, error) from error
    if owner != os.geteuid():
        raise StackError(
            f"{folder} belongs to another user (uid {owner}): be that user, or set LOGLINE_STATE_DIR to another folder"
        )


def write_private(path: Path, text: str) -> None:
    """Write a file in one step."""
    unfinished = _unfinished(path, text)
    unfinished.replace(path)


def make_private(path: Path, text: str) -> str:
    """Write a file unless it is there; return what is in it."""
    if path.exists():  # it came into being in one step
        return path.read_text()
    unfinished = _unfinished(path, text)
    try:
        path.hardlink_to(unfinished)
    except FileExistsError:
        return path.read_text()
    finally:
        unfinished.unlink()
    return text


def _unusable(folder: Path, error: OSError) -> StackError:
    return StackError(f"{folder} cannot be used ({error.strerror}): set LOGLINE_STATE_DIR to another folder")


def _unfinished(path: Path, text: str) -> Path:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    unfinished.touch(mode=0o600, exist_ok=False)
    unfinished.write_text(text)
    return unfinished
