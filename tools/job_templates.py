"""Write the metadata of the Flex Templates from the jobs' own parameters: `make generate`.

`dags/templates/JOB.json` is what `provision` uploads and what the Airflow side reads the names of the log formats from.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from beam_jobs.backfill.options import BACKFILL_PARAMETERS
from beam_jobs.options.parameters import Parameter
from beam_jobs.replay.options import REPLAY_PARAMETERS
from beam_jobs.stream.options import STREAM_PARAMETERS

FOLDER = Path(__file__).parents[1] / "dags" / "templates"

_JOBS: dict[str, tuple[dict[str, Any], tuple[Parameter, ...]]] = {
    "backfill": (
        {
            "name": "logline backfill",
            "description": "Parses historical web access logs into Parquet files with a manifest of what was read.",
        },
        BACKFILL_PARAMETERS,
    ),
    "replay": (
        {
            "name": "logline replay",
            "description": "Reads rejected lines again with today's parser into Parquet files, with a manifest of what"
            " became of them.",
        },
        REPLAY_PARAMETERS,
    ),
    "stream": (
        {
            "name": "logline stream",
            "description": "Appends web access log lines from a Pub/Sub subscription to BigQuery, at least once,"
            " until it is drained.",
            "streaming": True,
            "supportsAtLeastOnce": True,
            "supportsExactlyOnce": False,
            "defaultStreamingMode": "AT_LEAST_ONCE",
        },
        STREAM_PARAMETERS,
    ),
}


def templates() -> dict[Path, str]:
    """Return the content of each template file, by its path."""
    return {
        FOLDER / f"{job}.json": json.dumps(
            heading | {"parameters": [parameter.metadata() for parameter in parameters]}, indent=2
        )
        + "\n"
        for job, (heading, parameters) in _JOBS.items()
    }


if __name__ == "__main__":
    for path, content in templates().items():
        path.write_text(content, encoding="utf-8")
