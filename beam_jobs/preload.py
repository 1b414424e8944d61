"""What every job needs, imported and loaded when this module is imported.

For a process that forks, the Dataflow emulator's (`--preload beam_jobs.preload`), and the build of an image. To read
a line of text, also without what is personal, and one of JSON, to place a client, and to cut and identify lines takes
all machine code that there is, which is loaded from numba's cache, or compiled where there is none, for half a minute.
"""

from datetime import UTC, datetime

import numpy as np

import beam_jobs.backfill.job
import beam_jobs.replay.job
import beam_jobs.stream.job  # noqa: F401
from beam_jobs.access_log import BlockParser, get_format
from beam_jobs.access_log.compiled.split_blocks import cut_lines
from beam_jobs.access_log.privacy.addresses import AddressMode
from beam_jobs.access_log.privacy.anonymiser import Anonymiser, AnonymisingParser
from beam_jobs.options.places import REGISTRIES, make_places
from beam_jobs.output.identity import BACKFILLED_SCHEMA, LineOrigins, identified_in_objects
from beam_jobs.output.manifest import RunInfo
from beam_jobs.storage.objects import StoredObject

_LINES = {
    "combined": rb'192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a?b HTTP/1.1" 200 5 "http://a/" "a \"b\""',
    "nginx_json": b'{"time_iso8601": "2015-05-17T10:05:03+00:00", "remote_addr": "192.0.2.1", "request": "GET /"}',
}

_places = make_places(REGISTRIES)
for _name, _line in _LINES.items():
    _parsed = BlockParser(get_format(_name), places=_places).parse(_line + b"\n")
AnonymisingParser(get_format("combined"), Anonymiser(AddressMode.TRUNCATE, redact_secrets=True)).parse(
    _LINES["combined"]
)
list(cut_lines(b"\n\n", 0, max_lines=1))
identified_in_objects(
    _parsed.rows,
    BACKFILLED_SCHEMA,
    LineOrigins((StoredObject("preload", 0, 0),), np.zeros(1, np.int64)),
    RunInfo("preload", "preload", None, "preload", "preload", "", datetime(2015, 5, 17, tzinfo=UTC)),
)
