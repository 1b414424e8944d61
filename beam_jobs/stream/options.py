"""The parameters of the streaming job; imports no Beam, so that a killed job is back seconds earlier."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from beam_jobs.options.anonymisation import ANONYMISING_PARAMETERS, AnonymisingSettings, make_anonymiser, make_parser
from beam_jobs.options.job_parameters import (
    DATASET,
    MIN_LINE_BYTES,
    PROJECT,
    log_format_parameter,
    max_line_bytes_parameter,
)
from beam_jobs.options.parameters import (
    DATAFLOW_RUNNER,
    JOB_ID_VARIABLE,
    LOCAL_RUNNER,
    WORKER_JOB_ID_VARIABLE,
    OneLineParser,
    OptionError,
    Parameter,
    in_range,
    parse_parameters,
    usable_format,
)
from beam_jobs.options.places import PLACES, REGISTRIES, make_places

if TYPE_CHECKING:
    from beam_jobs.access_log import BlockParser

MAX_LINE_BYTES = 1 << 21  # a line's row, at most 3 times as long, fits one append
ROWS_TABLE, REJECTED_TABLE = "streamed_requests", "rejected_streamed"
BATCHES_TABLE, HEARTBEATS_TABLE = "stream_batches", "stream_heartbeats"
_PROGRAM = "python -m beam_jobs.stream"
_JOB_NAME = "log-stream"
_SUBSCRIPTION = r"(?!goog)[A-Za-z][A-Za-z0-9._~+%-]{2,254}"

STREAM_PARAMETERS = (
    Parameter(
        "subscription",
        "Subscription",
        "Pub/Sub subscription with the log lines: projects/PROJECT/subscriptions/NAME.",
        rf"^projects/{PROJECT}/subscriptions/{_SUBSCRIPTION}$",
    ),
    Parameter(
        "dataset",
        "Dataset",
        f"BigQuery dataset with the tables {ROWS_TABLE}, {REJECTED_TABLE}, {BATCHES_TABLE} and {HEARTBEATS_TABLE}: "
        "PROJECT.DATASET.",
        rf"^{DATASET}$",
    ),
    log_format_parameter("article"),
    max_line_bytes_parameter(MAX_LINE_BYTES),
    *ANONYMISING_PARAMETERS,
    PLACES,
)


class TargetError(Exception):
    """A subscription or table is missing or has the wrong schema; the message is one line."""


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """Checked values of the parameters; see `STREAM_PARAMETERS`.

    Attributes:
        job_name: Beam's `--job_name`.
        job_id: the Dataflow job, or where its processes are not told their job's id, its name and when it was launched.
            On Dataflow only its workers know: see `in_worker`.
        on_dataflow: whether Beam's `--runner` is the DataflowRunner.
    """

    subscription: str
    dataset: str
    log_format: str
    max_line_bytes: int
    anonymising: AnonymisingSettings
    job_name: str
    job_id: str
    on_dataflow: bool
    places: str = REGISTRIES

    @property
    def rows_table(self) -> str:
        """`project.dataset.table` of the rows."""
        return f"{self.dataset}.{ROWS_TABLE}"

    @property
    def rejected_table(self) -> str:
        """`project.dataset.table` of the rejected lines."""
        return f"{self.dataset}.{REJECTED_TABLE}"

    @property
    def batches_table(self) -> str:
        """`project.dataset.table` of the entries of the ledger."""
        return f"{self.dataset}.{BATCHES_TABLE}"

    @property
    def heartbeats_table(self) -> str:
        """`project.dataset.table` of the heartbeats."""
        return f"{self.dataset}.{HEARTBEATS_TABLE}"

    def in_worker(self) -> StreamSettings:
        """Return the settings as a worker has them, which knows its job's id: a launcher's job has none yet."""
        return replace(self, job_id=os.environ.get(WORKER_JOB_ID_VARIABLE) or self.job_id)

    def make_parser(self) -> BlockParser:
        """Make the parser of the lines.

        Raises:
            OptionError: the key file or a database of addresses cannot be read or used.
        """
        places = make_places(self.places)
        return make_parser(self.log_format, self.max_line_bytes, make_anonymiser(self.anonymising), places)


def parse_stream_options(argv: Sequence[str]) -> tuple[StreamSettings, list[str]]:
    """Read and check a command line; return the job's own settings, and Beam's options.

    Raises:
        OptionError: a parameter is missing, unknown, or has a value that cannot be used.
        SystemExit: the help was asked for.
    """
    values, of_beam = parse_parameters(_PROGRAM, "Append log lines from Pub/Sub to BigQuery.", STREAM_PARAMETERS, argv)
    known, unknown = _parse_known(of_beam)
    if known.runner not in (LOCAL_RUNNER, DATAFLOW_RUNNER):
        raise OptionError(
            f"--runner={known.runner} cannot be used: give {DATAFLOW_RUNNER}, or {LOCAL_RUNNER} for this machine"
        )
    if unknown and known.runner == LOCAL_RUNNER:  # the service may hand its launchers options of a later Beam
        from beam_jobs.options.runner import refuse_unknown

        refuse_unknown(unknown, _PROGRAM)
    settings = StreamSettings(
        subscription=values["subscription"],
        dataset=values["dataset"],
        log_format=usable_format(values["log_format"]),
        max_line_bytes=in_range("max_line_bytes", values["max_line_bytes"], MIN_LINE_BYTES, MAX_LINE_BYTES),
        anonymising=AnonymisingSettings.of(values),
        places=values["places"],
        job_name=known.job_name,
        job_id=os.environ.get(JOB_ID_VARIABLE) or f"{known.job_name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}",
        on_dataflow=known.runner == DATAFLOW_RUNNER,
    )
    return settings, of_beam


def _parse_known(of_beam: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Beam's options that every launcher gives; to know them all, Beam takes seconds to import."""
    parser = OneLineParser(allow_abbrev=False, add_help=False)
    parser.add_argument("--runner", default=LOCAL_RUNNER)
    parser.add_argument("--job_name", default=_JOB_NAME)
    for name in ("project", "region", "temp_location", "staging_location", "labels", "sdk_container_image"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--no_use_public_ips", action="store_true")
    return parser.parse_known_args(of_beam)
