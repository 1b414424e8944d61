"""The commented cases of cases/*.yaml, each alone and among other lines."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from beam_jobs.access_log import BlockParser, get_format
from tests.unit.beam_jobs.access_log.oracle import assert_parsed_as, expected_block

CASES = [
    pytest.param(path.stem, case, id=f"{path.stem}: {case['why']}")
    for path in sorted((Path(__file__).parent / "cases").glob("*.yaml"))
    for case in yaml.safe_load(path.read_text())
]


@pytest.mark.parametrize(("format_name", "case"), CASES)
def test_case(format_name: str, case: dict[str, Any]) -> None:
    log_format = get_format(case.get("format", format_name))
    line = case["line"].encode("latin-1")
    for block in (line, b"\n" + line + b"\r\n" + b"x" * 200 + b"\n"):
        parsed = BlockParser(log_format).parse(block)
        assert_parsed_as(parsed, expected_block(log_format, block))
        if "row" in case:
            (row,) = parsed.rows.to_pylist()
            assert {name: row[name] for name in case["row"]} == {
                name: value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
                for name, value in case["row"].items()
            }
        elif case.get("blank"):
            assert (parsed.rows.num_rows, parsed.blank) == (0, parsed.lines - parsed.rejected.num_rows)
            assert line not in parsed.rejected.column("raw_line").to_pylist()
        else:
            assert parsed.rows.num_rows == 0
            assert parsed.rejected.to_pylist()[0]["error_type"] == case["rejected"]


def test_every_case_says_where_it_comes_from() -> None:
    for param in CASES:
        case: Any = param.values[1]
        assert case["source"]
        assert len(case.keys() & {"row", "rejected", "blank"}) == 1
