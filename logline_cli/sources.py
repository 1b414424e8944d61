"""Log files of this machine, and the objects that they become."""

import glob
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

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
        if (other := names.setdefault(name, path)) != path:
            raise ClientError(f"{other} and {path} would both become {name}: load them with different --prefix")
    pattern = patterns[0] if len(set(patterns)) == 1 else _common_pattern([*names])
    return Sources(objects, pattern)


def _find(given: str, folder: str) -> tuple[dict[Path, str], str]:
    path = Path(given).expanduser()
    if path.is_file():
        name = "/".join(filter(None, (folder, _safe(path.name))))
        return {path: name}, name
    if path.is_dir():
        root, files = path, sorted(found for found in path.rglob("*") if _is_log(found, path))
        if not files:
            raise ClientError(f"{given}: the folder holds no files")
    else:
        files = sorted(Path(found) for found in glob.glob(str(path), recursive=True) if Path(found).is_file())  # noqa: PTH207 - the pattern may be absolute
        if not files:
            raise ClientError(f"{given}: there is no such file or folder, and nothing matches it as a pattern")
        root = _common_folder(files)
    below = "/".join(filter(None, (folder, _safe(root.resolve().name or "files"))))
    return {file: "/".join([below, *map(_safe, file.relative_to(root).parts)]) for file in files}, f"{below}/**"


def _common_pattern(names: list[str]) -> str:
    """Return the narrowest pattern with one wildcard, at its end, that matches all names."""
    common = os.path.commonprefix(names)  # noqa: RUF071 (of names, not of folders)
    if len({name.rpartition("/")[0] for name in names}) == 1:
        return f"{common}*"
    return f"{common[: common.rfind('/') + 1]}**"


def _is_log(path: Path, root: Path) -> bool:
    return path.is_file() and not any(part.startswith(".") for part in path.relative_to(root).parts)


def _common_folder(files: list[Path]) -> Path:
    folder = files[0].parent
    while not all(file.is_relative_to(folder) for file in files):
        folder = folder.parent
    return folder


def _safe(name: str) -> str:
    """Return a name without characters that mean something in a pattern, a URI or SQL."""
    return re.sub(r"[^\w.+-]", "_", name)
