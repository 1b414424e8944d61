"""The parameter of all jobs that says by which database clients are placed, and what it configures."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from beam_jobs.options.parameters import OptionError, Parameter
from beam_jobs.storage.files import is_gcs, read_whole
from beam_jobs.storage.objects import InputError

if TYPE_CHECKING:
    from beam_jobs.access_log.places.columns import Places

NONE, REGISTRIES = "none", "registries"

PLACES = Parameter(
    "places",
    "Databases of addresses",
    "By what country and network of clients are found: registries, countries as the Internet registries say; MMDB"
    " files, gs:// or local, with commas between them; or none. Default: registries.",
    r"^(none|registries|\S(.*\S)?\.mmdb)$",
    REGISTRIES,
)


def make_places(databases: str) -> Places | None:
    """Open the databases; None where nothing is looked up.

    Raises:
        OptionError: a file cannot be read, or is no MMDB file.
    """
    # As with the parser, --help does not need them.
    from beam_jobs.access_log.places.columns import Places
    from beam_jobs.access_log.places.databases import MmdbFiles, PlaceDatabaseError, RegistryCountries

    if databases == NONE:
        return None
    if databases == REGISTRIES:
        return Places(RegistryCountries())
    try:
        with tempfile.TemporaryDirectory() as folder:
            paths = [_local(uri.strip(), Path(folder, f"{number}")) for number, uri in enumerate(databases.split(","))]
            # An open file can be read on when it has no name any more.
            return Places(MmdbFiles(paths))
    except (InputError, PlaceDatabaseError) as error:
        raise OptionError(f"--places: {error}") from error


def _local(uri: str, copy: Path) -> Path:
    if not is_gcs(uri):
        return Path(uri)
    copy.write_bytes(read_whole(uri))
    return copy
