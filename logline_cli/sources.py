"""Log files of this machine, and the objects that they become."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from beam_jobs.access_log.cli.inputs import InputNameError, expand
from logline_cli.errors import ClientError


@dataclass(frozen=True)
class Sources:
    """Files to upload.

    Attributes:
        objects: object name by file.
        pattern: name or pattern in the bucket that matches these objects.
    """

    objects: dict[Path, str]
    pattern: str


def find_sources(given: Iterable[str], prefix: str) -> Sources:
    """Find the files that arguments name, each a file, a folder with all below it, or a pattern.

    The same file has the same object each time: lines that are loaded twice count once.

    Args:
        given: the arguments.
        prefix: folder in the bucket.

    Raises:
        ClientError: an argument names nothing, or two files would become one object.
    """
    folder = "/".join(map(_safe, filter(None, prefix.split("/"))))
    objects: dict[Path, str] = {}
    patterns = []
    for argument in given:
        found, pattern = _find(argument, folder)
        patterns.append(pattern)
        objects.update(found)
    names: dict[str, Path] = {}
    for path, name in objects.items():
        other = names.setdefault(name, path)
        if other != path and not other.samefile(path):
            raise ClientError(f"{other} and {path} would both become {name}: load them with different --prefix")
    pattern = patterns[0] if len(set(patterns)) == 1 else _common_pattern([*names])
    return Sources({path: name for name, path in names.items()}, pattern)


def _find(given: str, folder: str) -> tuple[dict[Path, str], str]:
    if not given:
        raise ClientError("'': names no file")
    if given.startswith("gs://"):
        raise ClientError(f"{given}: is on Cloud Storage already: logline backfill --source '{given}'")
    path = Path(given).expanduser()
    try:
        files = [Path(name) for name in expand(str(path))]
    except InputNameError as error:
        raise ClientError(str(error)) from None
    if files == [path]:
        if not path.is_file():
            raise ClientError(f"{given}: {'is no file' if path.exists() else 'there is no such file or folder'}")
        name = "/".join(filter(None, (folder, _safe(path.name))))
        return {path: name}, name
    root = path if path.is_dir() else _common_folder(files)
    below = "/".join(filter(None, (folder, _safe(root.resolve().name or "files"))))
    return {file: "/".join([below, *map(_safe, file.relative_to(root).parts)]) for file in files}, f"{below}/**"


def _common_pattern(names: list[str]) -> str:
    """Return the narrowest pattern with one wildcard, at its end, that matches all names."""
    common = os.path.commonprefix(names)  # noqa: RUF071 (of names, not of folders)
    if len({name.rpartition("/")[0] for name in names}) == 1:
        return f"{common}*"
    return f"{common[: common.rfind('/') + 1]}**"


def _common_folder(files: list[Path]) -> Path:
    folder = files[0].parent
    while not all(file.is_relative_to(folder) for file in files):
        folder = folder.parent
    return folder


def _safe(name: str) -> str:
    """Return a name without characters that mean something in a pattern, a URI or SQL."""
    return re.sub(r"[^\w.+-]", "_", name)
