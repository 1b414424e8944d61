from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulators.dataflow.errors import ApiError
from emulators.dataflow.jobs import messages


@pytest.mark.parametrize(
    ("line", "importance"),
    [
        ("INFO:apache_beam.runners:Running", messages.DETAILED),
        ("DEBUG:root:x", messages.DEBUG),
        ("WARNING:root:x", messages.WARNING),
        ("CRITICAL:root:x", messages.ERROR),
        ("2026-11-22 13:53:07,123 ERROR beam_jobs: x", messages.ERROR),
        ("[2026-11-22T13:53:07.123+0000] [WARNING] x", messages.WARNING),
        ("ERRORS: 5", messages.DETAILED),
        ("Traceback (most recent call last):", messages.DETAILED),
        ("an ERROR in the middle", messages.DETAILED),
    ],
)
def test_the_level_of_a_line_is_its_importance(line: str, importance: str) -> None:
    assert messages.of_line(line) == importance


def test_at_least_follows_the_meaning_and_not_the_numbers_of_the_enum() -> None:
    assert messages.at_least(messages.BASIC) == (messages.BASIC, messages.WARNING, messages.ERROR)
    assert messages.at_least("") == messages.at_least(messages.UNKNOWN) == messages.IMPORTANCES
    with pytest.raises(ApiError, match="minimumImportance"):
        messages.at_least("LOUD")


@given(content=st.binary(max_size=400), cuts=st.lists(st.integers(0, 400), max_size=5))
def test_a_growing_log_gives_each_line_once(
    content: bytes, cuts: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    log = tmp_path_factory.mktemp("log") / "stderr.log"
    found, offset = messages.read_log(log, 0, ended=False)
    for cut in sorted(cuts):
        log.write_bytes(content[:cut])
        more, offset = messages.read_log(log, offset, ended=False)
        found += more
    log.write_bytes(content)
    more, offset = messages.read_log(log, offset, ended=True)
    found += more
    assert offset == len(content)
    whole = [line.rstrip() for line in content.decode(errors="replace").split("\n") if line.strip()]
    assert [text for _, text in found] == whole
    assert messages.last_line(log) == (whole[-1].strip() if whole else "")


def test_a_line_longer_than_the_buffer_is_read_in_pieces(tmp_path: Path) -> None:
    log = tmp_path / "stderr.log"
    log.write_bytes(b"x" * (3 << 20) + b"\nend")
    offset, texts = 0, []
    while True:
        found, after = messages.read_log(log, offset, ended=True)
        if after == offset:
            break
        offset, texts = after, texts + [text for _, text in found]
    assert texts[-1] == "end"
    assert offset == log.stat().st_size
