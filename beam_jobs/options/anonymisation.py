"""Anonymisation parameters of all jobs, and the parser they configure.

The key of the pseudonyms is in a file and not a parameter, since everybody who may see a job sees its parameters. Only
the job's account needs to read it: on Google Cloud a secret of Secret Manager, or an object in a bucket of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from beam_jobs.access_log.privacy.addresses import AddressMode, AnonymisingKeyError, DailyKeys
from beam_jobs.options.parameters import OptionError, Parameter, place
from beam_jobs.storage.files import read_whole
from beam_jobs.storage.objects import InputError
from beam_jobs.storage.secret_versions import is_secret_version, read_secret_version

if TYPE_CHECKING:
    from beam_jobs.access_log import BlockParser
    from beam_jobs.access_log.places.columns import Places
    from beam_jobs.access_log.privacy.anonymiser import Anonymiser

ANONYMISING_PARAMETERS = (
    Parameter(
        "anonymise",
        "Anonymise addresses",
        "What becomes of client addresses: none, truncate to /24 and /48, or hash per day. Default: none.",
        r"^(none|truncate|hash)$",
        "none",
    ),
    Parameter(
        "anonymise_key_file",
        "Key file",
        "What holds the key for anonymise=hash: a file, gs:// or local, or a secret's version,"
        " projects/PROJECT/secrets/SECRET/versions/VERSION; see docs/parser.md.",
        r"^(\S(.*\S)?)?$",
        "",
    ),
    Parameter(
        "redact_query_secrets",
        "Redact secrets",
        "Whether values of URL parameters like token= and password= are replaced: true or false. Default: false.",
        r"^(true|false)$",
        "false",
    ),
)


@dataclass(frozen=True, slots=True)
class AnonymisingSettings:
    """Checked values of the parameters; see `ANONYMISING_PARAMETERS`."""

    anonymise: str = "none"
    anonymise_key_file: str = ""
    redact_query_secrets: bool = False

    @classmethod
    def of(cls, values: Mapping[str, str]) -> AnonymisingSettings:
        """Convert checked values.

        Raises:
            OptionError: a key file is missing or superfluous.
        """
        mode, key_file = values["anonymise"], values["anonymise_key_file"]
        if (mode == AddressMode.HASH) != bool(key_file):
            raise OptionError(
                "--anonymise=hash needs --anonymise_key_file: a file with one line, a key of 16 characters or more"
                if mode == AddressMode.HASH
                else f"--anonymise_key_file is for --anonymise=hash only, not for {mode}: leave it out"
            )
        if key_file and not is_secret_version(key_file):
            key_file = place("anonymise_key_file", key_file)
        return cls(mode, key_file, values["redact_query_secrets"] == "true")


def make_anonymiser(settings: AnonymisingSettings) -> Anonymiser | None:
    """Make the anonymiser with its key; None where nothing is anonymised.

    Raises:
        OptionError: the key file cannot be read or holds no valid key.
    """
    # The parser takes most of a second to import, and --help does not need it.
    from beam_jobs.access_log.privacy.anonymiser import Anonymiser

    mode = AddressMode(settings.anonymise)
    if mode is AddressMode.NONE and not settings.redact_query_secrets:
        return None
    keys = None
    if mode is AddressMode.HASH:
        try:
            read = read_secret_version if is_secret_version(settings.anonymise_key_file) else read_whole
            keys = DailyKeys(read(settings.anonymise_key_file).decode())
        except InputError as error:
            raise OptionError(f"--anonymise_key_file: {error}") from error
        except (AnonymisingKeyError, UnicodeDecodeError) as error:
            what = str(error) if isinstance(error, AnonymisingKeyError) else "it is not text"
            raise OptionError(f"--anonymise_key_file={settings.anonymise_key_file}: {what}") from error
    return Anonymiser(mode, redact_secrets=settings.redact_query_secrets, keys=keys)


def make_parser(
    log_format: str, max_line_bytes: int, anonymiser: Anonymiser | None, places: Places | None = None
) -> BlockParser:
    """Make the parser of a format, with the anonymiser and the places if there are any."""
    from beam_jobs.access_log import BlockParser, get_format
    from beam_jobs.access_log.privacy.anonymiser import AnonymisingParser

    if anonymiser is None:
        return BlockParser(get_format(log_format), max_line_bytes, places)
    return AnonymisingParser(get_format(log_format), anonymiser, max_line_bytes, places)
