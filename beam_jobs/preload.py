"""What every job needs, imported and loaded when this module is imported.

For a process that forks, the Dataflow emulator's (`--preload beam_jobs.preload`), and the build of an image. To read
a line of text, also without what is personal, and one of JSON takes all of the parser's machine code, which is loaded
from numba's cache, or compiled where there is none, for half a minute.
"""

import beam_jobs.backfill.job
import beam_jobs.replay.job
import beam_jobs.stream.job  # noqa: F401
from beam_jobs.access_log import BlockParser, get_format
from beam_jobs.access_log.privacy.addresses import AddressMode
from beam_jobs.access_log.privacy.anonymiser import Anonymiser, AnonymisingParser

_LINES = {
    "combined": rb'192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a?b HTTP/1.1" 200 5 "http://a/" "a \"b\""',
    "nginx_json": b'{"time_iso8601": "2015-05-17T10:05:03+00:00", "remote_addr": "192.0.2.1", "request": "GET /"}',
}

for _name, _line in _LINES.items():
    BlockParser(get_format(_name)).parse(_line + b"\n")
AnonymisingParser(get_format("combined"), Anonymiser(AddressMode.TRUNCATE, redact_secrets=True)).parse(
    _LINES["combined"]
)
