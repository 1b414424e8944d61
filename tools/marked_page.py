"""Pages of which the end is generated; what stands above a marker is written by hand and stays."""

from pathlib import Path


def completed(path: Path, marker: str, generated: str) -> str:
    """Return the whole page as it must be.

    Raises:
        ValueError: It has no marker.
    """
    by_hand, found, _ = path.read_text(encoding="utf-8").partition(marker)
    if not found:
        raise ValueError(f"{path} lacks the line {marker.strip()}")
    return f"{by_hand}{marker}\n{generated}"
