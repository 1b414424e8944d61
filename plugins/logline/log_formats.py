"""Names of the log formats, from the jobs' own list: the Flex Templates' metadata in `dags/templates`."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

AUTO = "auto"
# Of a server's format string, keys of JSON lines, a `#Fields` line, and several formats.
_MARKS = frozenset("%$=#+")


@cache
def log_formats(job: str) -> tuple[str, ...]:
    """Return the names that the job `backfill` or `stream` takes, `auto` first.

    Empty in a process that has no DAGs folder, such as the web server of Cloud Composer.
    """
    folder = templates_folder()
    if folder is None:
        return ()
    metadata = json.loads((folder / f"{job}.json").read_text(encoding="utf-8"))
    (parameter,) = (one for one in metadata["parameters"] if one["name"] == "log_format")
    names = (option["value"] for option in parameter["enumOptions"])
    return tuple(sorted(names, key=lambda name: (name != AUTO, name)))


def is_log_format(text: str, job: str) -> bool:
    """Return whether a job may take it: one of its names, or what says the fields, which the job checks itself."""
    names = log_formats(job)
    return not names or text in names or not _MARKS.isdisjoint(text)


def templates_folder(plugins: Path = Path(__file__).parents[1]) -> Path | None:
    """Return `templates` of the DAGs folder: the one beside the plugins, else Airflow's; None without any."""
    folder = plugins.parent / "dags" / "templates"
    if not folder.is_dir():
        from airflow.configuration import conf  # a second, and every usual installation has both side by side

        folder = Path(conf.get("core", "dags_folder")) / "templates"
    return folder if folder.is_dir() else None
