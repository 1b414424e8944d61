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
import yaml

_REPOSITORY = Path(__file__).parents[2]
_PACKAGE = "beam_jobs.access_log"
# numba cannot compile what is instrumented.
_COMPILED = [
    ".".join(path.relative_to(_REPOSITORY).with_suffix("").parts)
    for path in (_REPOSITORY / "beam_jobs" / "access_log").rglob("*.py")
    if f"from {_PACKAGE}.compiled.jit import" in path.read_text()
]

with atheris.instrument_imports(include=[_PACKAGE], exclude=_COMPILED):
    from beam_jobs.access_log import FORMATS, BlockParser, get_format
    from beam_jobs.access_log.privacy.addresses import AddressMode
    from beam_jobs.access_log.privacy.anonymiser import Anonymiser, AnonymisingParser

from tests.unit.beam_jobs.access_log.oracle import assert_parsed_as, expected_block  # noqa: E402
from tests.unit.beam_jobs.access_log.test_framing import FRAMES  # noqa: E402

_FOUND = _REPOSITORY / ".local" / "fuzz"
_CASES = [
    (path.stem, case)
    for path in sorted((_REPOSITORY / "tests" / "unit" / "beam_jobs" / "access_log" / "cases").glob("*.yaml"))
    for case in yaml.safe_load(path.read_text())
]
_MIXES = ("combined+common+nginx_main+combined_and_more", "combined+aws_cloudfront+nginx_json")
_NAMES = list(dict.fromkeys((*FORMATS, *_MIXES, *(case["format"] for _, case in _CASES if "format" in case))))
assert len(_NAMES) <= 256
_PARSERS = [
    {
        size: (
            BlockParser(log_format, size),
            AnonymisingParser(log_format, Anonymiser(mode, redact_secrets=True), size),
        )
        for size, mode in ((1 << 20, AddressMode.TRUNCATE), (100, AddressMode.NONE))
    }
    for log_format in map(get_format, _NAMES)
]
# Lines that end close to the end of a block take the slow path: behind this one, the others do not.
_LAST_LINE = b"\n" + b"x" * 80
_LAST, _ANONYMOUS, _SHORT = 1, 2, 4


def check(data: bytes) -> None:
    """One input: the number of a format, a byte of choices, the block."""
    if len(data) < 2:
        return
    parser, anonymising = _PARSERS[data[0] % len(_PARSERS)][100 if data[1] & _SHORT else 1 << 20]
    block = data[2:] + (_LAST_LINE if data[1] & _LAST else b"")
    parsed = parser.parse(block)
    assert_parsed_as(parsed, expected_block(parser.log_format, block, parser.max_line_bytes))
    if data[1] & _ANONYMOUS:
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
    for number, (name, case) in enumerate(_CASES):
        log_format, line = case.get("format", name), case["line"].encode("latin-1")
        for choices in (_LAST, _ANONYMOUS):
            (folder / f"case-{number}-{choices}").write_bytes(bytes([_NAMES.index(log_format), choices]) + line)
        for mix in _MIXES:
            (folder / f"case-{number}-{mix}").write_bytes(bytes([_NAMES.index(mix), _LAST]) + line)
    for number, framed in enumerate(FRAMES.values()):
        (folder / f"frame-{number}").write_bytes(bytes([_NAMES.index("combined"), _LAST]) + framed)


def main() -> None:
    """Warm the compiled code up, so that no input is slow for it, and hands over to libFuzzer."""
    for number in range(len(_PARSERS)):
        check(bytes([number, _LAST | _ANONYMOUS]) + b"\n")
    arguments = sys.argv[1:]
    _FOUND.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as seeds:
        if all(argument.startswith("-") for argument in arguments):
            write_seeds(Path(seeds))
            corpus = _FOUND / "corpus"
            corpus.mkdir(exist_ok=True)
            arguments = [*arguments, str(corpus), seeds]
        defaults = ["-max_len=2000", "-timeout=60", "-rss_limit_mb=4096", f"-artifact_prefix={_FOUND}/"]
        atheris.Setup([sys.argv[0], *defaults, *arguments], check)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
