"""The backfill's parameters beside Beam's own options."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from apache_beam.options.pipeline_options import PipelineOptions

from beam_jobs.backfill.options import BACKFILL_PARAMETERS
from beam_jobs.options.parameters import add_parameters


class BackfillOptions(PipelineOptions):
    """The backfill's parameters as options of Beam, so that Dataflow shows them."""

    @classmethod
    def _add_argparse_args(cls, parser: argparse.ArgumentParser) -> None:
        add_parameters(parser, BACKFILL_PARAMETERS)


def beam_options(argv: Sequence[str]) -> PipelineOptions:
    """Return Beam's options of a command line, which know those of `BackfillOptions`."""
    return PipelineOptions(list(argv))
