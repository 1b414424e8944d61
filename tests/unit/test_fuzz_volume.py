"""The mutated lines by the million: what the check sees, and that a run goes on where it was."""

import numpy as np
import pytest

from beam_jobs.access_log import BlockParser, ParsedBlock
from tests.fuzz import volume
from tests.fuzz.inputs import lines_of_cases
from tests.fuzz.volume import Outcome, Progress, check, mutated

LINES = lines_of_cases()["combined"]


def block(seed: int) -> bytes:
    return mutated(LINES, 300, np.random.default_rng(seed))


def checked(data: bytes) -> Outcome:
    return check("combined", data, np.random.default_rng(2), is_compared=True)


def test_the_same_seed_gives_the_same_bytes_and_most_lines_are_spoilt():
    assert block(1) == block(1) != block(2)
    whole = set(LINES)
    assert sum(line in whole for line in block(1).split(b"\n")) < 150


def test_every_line_is_counted():
    data = block(1)
    outcome = checked(data)
    assert outcome.lines == data.count(b"\n") + (not data.endswith(b"\n"))
    assert min(outcome.rows, outcome.rejected) > 0


@pytest.mark.parametrize("name", ["rows", "rejected"])
def test_a_parser_that_loses_a_line_is_seen(monkeypatch, name):
    class Losing(BlockParser):
        def parse(self, data, base_offset=0) -> ParsedBlock:
            parsed = super().parse(data, base_offset)
            object.__setattr__(parsed, name, getattr(parsed, name).slice(1))
            return parsed

    log_format = BlockParser(volume.get_format("combined")).log_format
    monkeypatch.setattr(volume, "_parser", lambda _: Losing(log_format))
    with pytest.raises(AssertionError, match="do not add up"):
        checked(block(1))


def test_a_run_goes_on_where_it_was_and_another_seed_begins_anew(tmp_path):
    path = tmp_path / "volume.json"
    Progress(path, 1).add(Outcome(10, 5, 4, 1))
    assert (Progress(path, 1).portions, Progress(path, 1).totals) == (1, Outcome(10, 5, 4, 1))
    assert Progress(path, 2).portions == 0
