"""What every job needs, imported and loaded when this module is imported, for a process that forks.

The Dataflow emulator of one machine is given it: `--preload beam_jobs.preload`. Reading a line loads the parser's
machine code from numba's cache, or compiles it where there is none.
"""

import beam_jobs.backfill.job
import beam_jobs.replay.job
import beam_jobs.stream.job  # noqa: F401
from beam_jobs.access_log import BlockParser, get_format

_LINE = b'192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a?b HTTP/1.1" 200 5 "http://example.com/" "curl/8.0"\n'

BlockParser(get_format("combined")).parse(_LINE)
