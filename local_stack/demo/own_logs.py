"""The user's own log files: found on disk, put into the bucket."""

import glob
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from google.cloud.storage import Bucket

from local_stack.config import StackError

_FOLDER = "logs/yours"


@dataclass(frozen=True)
class OwnLogs:
    """Log files to upload.

    Attributes:
        files: Object name by file.
        pattern: Name or pattern in the bucket that matches these objects.
    """

    files: dict[Path, str]
    pattern: str


def find_own_logs(given: str) -> OwnLogs:
    """Find the files that LOGS names.

    Args:
        given: A file, a folder (with all below it) or a glob.

    Raises:
        StackError: The file does not exist, or the folder or glob holds none.
    """
    path = Path(given).expanduser()
    if path.is_file():
        return OwnLogs({path: f"{_FOLDER}/{_safe(path.name)}"}, f"{_FOLDER}/{_safe(path.name)}")
    if path.is_dir():
        root, files = path, sorted(found for found in path.rglob("*") if _is_log(found, path))
        if not files:
            raise StackError(f"LOGS={given}: the folder holds no files")
    else:
        files = sorted(Path(found) for found in glob.glob(str(path), recursive=True) if Path(found).is_file())  # noqa: PTH207 - the pattern may be absolute
        if not files:
            raise StackError(f"LOGS={given}: there is no such file or folder, and nothing matches it as a pattern")
        root = _common_folder(files)
    folder = f"{_FOLDER}/{_safe(root.resolve().name or 'files')}"
    names = {file: "/".join([folder, *map(_safe, file.relative_to(root).parts)]) for file in files}
    return OwnLogs(names, f"{folder}/**")


def upload(own: OwnLogs, bucket: Bucket) -> Iterator[tuple[Path, int]]:
    """Upload the files; what an earlier demo left under the same pattern goes.

    Yields:
        Each file with its size in bytes, once it is there.
    """
    prefix = own.pattern.removesuffix("**")
    kept = set(own.files.values())
    for blob in bucket.list_blobs(prefix=prefix):
        if prefix.endswith("/") and blob.name not in kept:
            blob.delete()
    for path, name in own.files.items():
        bucket.blob(name).upload_from_filename(str(path), content_type="application/octet-stream")
        yield path, path.stat().st_size


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
