"""Files whose lines are of several formats: each line is of the first format that fits it."""

from dataclasses import dataclass

from beam_jobs.access_log.formats.json_lines import JsonFormat
from beam_jobs.access_log.formats.template import TemplateFormat

SEPARATOR = "+"
"""What parts the names of formats in the name of their mix."""


@dataclass(frozen=True)
class MixedFormat:
    """Several formats, the most specific first.

    Attributes:
        formats: The formats.
    """

    formats: tuple[TemplateFormat | JsonFormat, ...]

    @property
    def name(self) -> str:
        """How users call it: the names of its formats."""
        return SEPARATOR.join(log_format.name for log_format in self.formats)

    @property
    def comment(self) -> bytes:
        """The byte that starts lines which are not requests in one of the formats, or none."""
        return b"".join(log_format.comment for log_format in self.formats)[:1]
