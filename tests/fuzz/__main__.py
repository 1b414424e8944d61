"""Looks for bytes that the parser reads wrongly, guided by the coverage of its Python code.

    python -m tests.fuzz [-max_total_time=600] [any other option of libFuzzer]

An input is a format, a few choices and a block. The block must parse without an exception, to rows, rejected lines and
blanks that add up and are, value for value, what the reference reader reads; anonymised, to as many of each. The cases
of tests/unit/beam_jobs/access_log/cases are the first inputs; what reaches new code is kept in .local/fuzz. An input
that fails is written beside it as crash-*; run it again by its path: ``python -m tests.fuzz .local/fuzz/crash-...``.
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

_FOUND = _REPOSITORY / ".local" / "fuzz"
_CASES = _REPOSITORY / "tests" / "unit" / "beam_jobs" / "access_log" / "cases"
_FORMAT_STRINGS = (
    r"%h %l %u %t \"%r\" %>s %O \"%{Referer}i\" \"%{User-Agent}i\" %D",
    r"%v:%p %a %t \"%m %U%q %H\" %s %b %{ms}T",
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" '
    '"$http_user_agent" rt=$request_time urt="$upstream_response_time" $host',
    "$msec|$remote_addr|$request_method|$uri|$args|$status|$bytes_sent|$request_time",
)
_PARSERS = [
    (BlockParser(log_format, size), AnonymisingParser(log_format, Anonymiser(mode, redact_secrets=True), size))
    for log_format in (*FORMATS.values(), *map(get_format, _FORMAT_STRINGS))
    for size, mode in ((1 << 20, AddressMode.TRUNCATE), (100, AddressMode.NONE))
]
# Lines that end close to the end of a block take the slow path: behind this one, the others do not.
_LAST_LINE = b"\n" + b"x" * 80


def check(data: bytes) -> None:
    """One input: the number of a parser, a byte of choices, the block."""
    if len(data) < 2:
        return
    parser, anonymising = _PARSERS[data[0] % len(_PARSERS)]
    block = data[2:] + (_LAST_LINE if data[1] & 1 else b"")
    parsed = parser.parse(block)
    assert_parsed_as(parsed, expected_block(parser.log_format, block, parser.max_line_bytes))
    if data[1] & 2:
        anonymous = anonymising.parse(block)
        anonymous.rows.validate(full=True)
        anonymous.rejected.validate(full=True)
        assert (anonymous.lines, anonymous.blank) == (parsed.lines, parsed.blank)
        assert (anonymous.rows.num_rows, anonymous.rejected.num_rows) == (
            parsed.rows.num_rows,
            parsed.rejected.num_rows,
        )


def write_seeds(folder: Path) -> None:
    """Write the cases as inputs: of their own format, and those of every format once for each format string."""
    names = list(FORMATS)
    for path in sorted(_CASES.glob("*.yaml")):
        if path.stem not in names:
            continue
        for number, case in enumerate(yaml.safe_load(path.read_text())):
            line = case["line"].encode("latin-1")
            for choices in (1, 2):
                seed = bytes([2 * names.index(path.stem), choices]) + line
                (folder / f"{path.stem}-{number}-{choices}").write_bytes(seed)
    for number in range(2 * len(names), len(_PARSERS), 2):
        (folder / f"string-{number}").write_bytes(bytes([number, 1]) + b'192.0.2.1 - - [17/May/2015:10:05:03 +0000] "G')


def main() -> None:
    """Warm the compiled code up, so that no input is slow for it, and hands over to libFuzzer."""
    for number in range(len(_PARSERS)):
        check(bytes([number, 3]) + b"\n")
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
