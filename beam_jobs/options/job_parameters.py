"""Parameters that several jobs have, and the patterns of Google Cloud's names."""

from __future__ import annotations

from beam_jobs.access_log import FORMATS
from beam_jobs.options.parameters import FORMAT_STRING, Parameter

AUTO_FORMAT = "auto"
MIN_LINE_BYTES = 1 << 10

PROJECT = r"([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]"
DATASET = rf"{PROJECT}\.[A-Za-z0-9_]{{1,1024}}"
TABLE = rf"{DATASET}\.[A-Za-z0-9_]{{1,1024}}"

OUTPUT = Parameter(
    "output",
    "Output folder",
    "Folder of this run's Parquet files and its manifest.json: gs:// or local, without wildcards and without =.",
    r"^[^\s=*?\[\]]([^=*?\[\]]*[^\s=*?\[\]])?$",
)
RUN_ID = Parameter(
    "run_id",
    "Run id",
    "Name of the run, written into the manifest and the ledger; up to 250 printable characters.",
    r"^[ -~]{1,250}$",
)


def log_format_parameter(default: str) -> Parameter:
    """Describe the format of the lines; `auto` is a choice where it is the default."""
    names, string = ", ".join(sorted(FORMATS)), "the format string of an Apache or nginx configuration"
    auto = (AUTO_FORMAT,) if default == AUTO_FORMAT else ()
    rest = f"{string}, or {AUTO_FORMAT} to find it out per file" if auto else f"or {string}"
    return Parameter(
        "log_format",
        "Log format",
        f"Format of the lines: {names}, {rest}. Default: {default}.",
        rf"^({'|'.join((*auto, *sorted(FORMATS)))}|{FORMAT_STRING})$",
        default,
        (*auto, *FORMATS),
    )


def max_line_bytes_parameter(most: int) -> Parameter:
    """Describe the longest line that is parsed, up to `most` bytes."""
    return Parameter(
        "max_line_bytes",
        "Longest line",
        f"Lines with more bytes are rejected, {MIN_LINE_BYTES} to {most}. Default: 1 MiB.",
        rf"^[1-9][0-9]{{3,{len(str(most)) - 1}}}$",
        str(1 << 20),
    )
