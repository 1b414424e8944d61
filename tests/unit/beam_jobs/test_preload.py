"""What is preloaded is all machine code that the parser has, whatever is read later."""

import json
import subprocess
import sys

from local_stack.config import REPOSITORY
from tests.unit.beam_jobs.access_log.test_cases import CASES

LOADED = """
import json, sys
import beam_jobs.preload
from beam_jobs.access_log import BlockParser, get_format

def loaded():
    modules = [module for name, module in sys.modules.items() if name.startswith("beam_jobs.")]
    values = [value for module in modules for value in vars(module).values()]
    functions = {value for value in values if hasattr(value, "nopython_signatures")}
    return sorted((function.__qualname__, str(one)) for function in functions for one in function.nopython_signatures)

before = loaded()
for log_format, line in json.load(sys.stdin):
    BlockParser(get_format(log_format)).parse(line.encode("latin-1") + b"\\n")
print(json.dumps([before, loaded()]))
"""


def test_reading_lines_of_every_kind_loads_no_more_machine_code() -> None:
    lines = [(case.get("format", name), case["line"]) for name, case in (param.values for param in CASES)]
    command = [sys.executable, "-c", LOADED]
    done = subprocess.run(
        command, input=json.dumps(lines), capture_output=True, text=True, check=True, cwd=REPOSITORY, timeout=300
    )
    preloaded, after = json.loads(done.stdout)
    assert [one for one in after if one not in preloaded] == []
    assert preloaded
