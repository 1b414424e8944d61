"""Lines of one format in the hands of another: refused, or read to values that the line's own format would say too."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from beam_jobs.access_log import FORMATS
from beam_jobs.access_log.engines import parse_line
from beam_jobs.access_log.formats.template import TemplateFormat
from beam_jobs.access_log.row import Row
from tests.unit.beam_jobs.access_log.cross_matrix import CANNOT_BE_TOLD, matrix, seeds
from tests.unit.beam_jobs.access_log.strategies import regular_lines

TEXT = {name: one for name, one in FORMATS.items() if isinstance(one, TemplateFormat)}
# What these say of a line's end depends on its server: they are named, or give way to a format that reads more.
_SAME_LINE_OTHER_UNIT = {frozenset(pair) for pair in (("combined_us", "combined_s"),)}


@pytest.mark.parametrize("name", TEXT)
@settings(max_examples=6)
@given(data=st.data())
def test_no_neighbour_says_something_else(name: str, data: st.DataObject) -> None:
    line = data.draw(regular_lines(TEXT[name]))
    own = parse_line(TEXT[name], line)
    assert isinstance(own, Row)
    assume(own.remote_addr is not None)
    for other, log_format in TEXT.items():
        read = parse_line(log_format, line)
        if not isinstance(read, Row) or frozenset((name, other)) in _SAME_LINE_OTHER_UNIT:
            continue
        for column, value in read._asdict().items():
            # A column that one of the two does not have, or that is null in it, says nothing.
            mine = getattr(own, column)
            assert mine is None or value is None or mine == value, (other, column, line)


def test_a_spoilt_line_is_rejected_or_read_as_its_own_reader_would() -> None:
    assert [name for name, lines in seeds().items() if not lines] == []
    found = matrix(lines_each=2)
    misread = [one for one in found.misreadings if one.column not in CANNOT_BE_TOLD.get(one.other, ())]
    assert misread == []
