"""What is preloaded is all machine code that jobs have, whatever is read and written later."""

import json
import subprocess
import sys

from local_stack.config import REPOSITORY
from tests.unit.beam_jobs.access_log.test_cases import CASES

LOADED = """
import json, sys, tempfile
from datetime import UTC, datetime
import numpy as np
import beam_jobs.preload
from beam_jobs.access_log import BlockParser, get_format
from beam_jobs.access_log.compiled.split_blocks import cut_lines
from beam_jobs.options.places import make_places
from beam_jobs.output.identity import LineOrigins
from beam_jobs.output.manifest import RunInfo
from beam_jobs.output.parquet_files import ParsedLines, write_block
from beam_jobs.storage.objects import StoredObject

def loaded():
    modules = [module for name, module in sys.modules.items() if name.startswith("beam_jobs.")]
    values = [value for module in modules for value in vars(module).values()]
    functions = {value for value in values if hasattr(value, "nopython_signatures")}
    return sorted((function.__qualname__, str(one)) for function in functions for one in function.nopython_signatures)

before = loaded()
for log_format, line in json.load(sys.stdin):
    data = line.encode("latin-1") + b"\\n"
    parsed = BlockParser(get_format(log_format), places=make_places("registries")).parse(data)
objects = [StoredObject(name, 1, len(data)) for name in ("one", "two")]
of_both = ParsedLines(parsed, LineOrigins(objects, np.array([0, 1 << 40])), (parsed.lines, 0))
list(cut_lines(data * 3, 0, max_lines=2))
with tempfile.TemporaryDirectory() as folder:
    run = RunInfo("run", "job", None, "logs", folder, "1", datetime(2026, 11, 1, tzinfo=UTC))
    write_block([ParsedLines.of(parsed, objects[0])], 0, run)
    write_block([of_both], 0, run)
print(json.dumps([before, loaded()]))
"""


def test_reading_lines_of_every_kind_and_writing_them_loads_no_more_machine_code() -> None:
    lines = [(case.get("format", name), case["line"]) for name, case in (param.values for param in CASES)]
    command = [sys.executable, "-c", LOADED]
    done = subprocess.run(
        command, input=json.dumps(lines), capture_output=True, text=True, check=True, cwd=REPOSITORY, timeout=300
    )
    preloaded, after = json.loads(done.stdout)
    assert [one for one in after if one not in preloaded] == []
    assert preloaded
