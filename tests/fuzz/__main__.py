"""Looks for bytes that the parser reads wrongly, guided by the coverage of its Python code.

    python -m tests.fuzz [-max_total_time=600] [any other option of libFuzzer]

An input is a format, a few choices and a block. The block must parse without an exception, to rows, rejected lines and
blanks that add up and are, value for value, what the reference reader reads, and what columns can hold; anonymised, to
as many of each. The formats are the known ones, mixes of them, and those of the cases. The lines of
tests/unit/beam_jobs/access_log/cases are the first inputs; what reaches new code is kept in .local/fuzz. An input that
fails is written beside it as crash-*; run it again by its path: ``python -m tests.fuzz .local/fuzz/crash-...``.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

_REPOSITORY = Path(__file__).parents[2]
_PACKAGE = "beam_jobs.access_log"
# numba cannot compile what is instrumented.
_COMPILED = [
    ".".join(path.relative_to(_REPOSITORY).with_suffix("").parts)
    for path in (_REPOSITORY / "beam_jobs" / "access_log").rglob("*.py")
    if f"from {_PACKAGE}.compiled.jit import" in path.read_text()
]

with atheris.instrument_imports(include=[_PACKAGE], exclude=_COMPILED):
    from beam_jobs.access_log import BlockParser, get_format
    from beam_jobs.access_log.privacy.addresses import AddressMode
    from beam_jobs.access_log.privacy.anonymiser import Anonymiser, AnonymisingParser

from tests.fuzz.inputs import (  # noqa: E402
    ANONYMOUS,
    CASES,
    FORMAT_NAMES,
    FOUND,
    LAST,
    MIXES,
    SHORT,
    Input,
)
from tests.unit.beam_jobs.access_log.oracle import assert_parsed_as, expected_block  # noqa: E402
from tests.unit.beam_jobs.access_log.test_framing import FRAMES  # noqa: E402

_PARSERS = {
    (log_format.name, size): (
        BlockParser(log_format, size),
        AnonymisingParser(log_format, Anonymiser(mode, redact_secrets=True), size),
    )
    for log_format in map(get_format, FORMAT_NAMES)
    for size, mode in ((1 << 20, AddressMode.TRUNCATE), (100, AddressMode.NONE))
}
# Lines that end close to the end of a block take the slow path: behind this one, the others do not.
_LAST_LINE = b"\n" + b"x" * 80


def check(data: bytes) -> None:
    """Parse one input in both ways, and compare."""
    if len(data) < 2:
        return
    one = Input.from_bytes(data)
    parser, anonymising = _PARSERS[get_format(one.format_name).name, 100 if one.choices & SHORT else 1 << 20]
    block = one.block + (_LAST_LINE if one.choices & LAST else b"")
    parsed = parser.parse(block)
    assert_parsed_as(parsed, expected_block(parser.log_format, block, parser.max_line_bytes))
    if one.choices & ANONYMOUS:
        anonymous = anonymising.parse(block)
        anonymous.rows.validate(full=True)
        anonymous.rejected.validate(full=True)
        assert (anonymous.lines, anonymous.blank) == (parsed.lines, parsed.blank)
        assert (anonymous.rows.num_rows, anonymous.rejected.num_rows) == (
            parsed.rows.num_rows,
            parsed.rejected.num_rows,
        )


def write_seeds(folder: Path) -> None:
    """Write the cases as inputs of their own format, each format's first line as one of a mix, and lines in frames."""
    for number, (name, case) in enumerate(CASES):
        log_format, line = case.get("format", name), case["line"].encode("latin-1")
        for choices in (LAST, ANONYMOUS):
            (folder / f"case-{number}-{choices}").write_bytes(Input(log_format, choices, line).to_bytes())
        for mix in MIXES:
            (folder / f"case-{number}-{mix}").write_bytes(Input(mix, LAST, line).to_bytes())
    for number, framed in enumerate(FRAMES.values()):
        (folder / f"frame-{number}").write_bytes(Input("combined", LAST, framed).to_bytes())


def main() -> None:
    """Warm the compiled code up, so that no input is slow for it, and hands over to libFuzzer."""
    for name in FORMAT_NAMES:
        check(Input(name, LAST | ANONYMOUS, b"\n").to_bytes())
    arguments = sys.argv[1:]
    FOUND.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as seeds:
        if all(argument.startswith("-") for argument in arguments):
            write_seeds(Path(seeds))
            corpus = FOUND / "corpus"
            corpus.mkdir(exist_ok=True)
            arguments = [*arguments, str(corpus), seeds]
        defaults = ["-max_len=2000", "-timeout=60", "-rss_limit_mb=4096", f"-artifact_prefix={FOUND}/"]
        atheris.Setup([sys.argv[0], *defaults, *arguments], check)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
