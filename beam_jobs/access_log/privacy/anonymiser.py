r"""Personal data taken out of parsed blocks before anything is written: client addresses, and secrets in URLs.

| where | addresses | secrets |
|---|---|---|
| `remote_addr`, `forwarded_for` | network or daily pseudonym; ports go | |
| `remote_user` | everything that looks like an address | |
| `query`, `path`, `referer` | | redacted |
| `raw_line` of rejected lines | everything that looks like an address, wherever it stands | redacted |
| `error_message` | says what is wrong with the line as it is kept | the same |
| `raw_line_hash` | of the values as they are kept, see below | the same |

A hash of the original line would confirm a guess at what was taken out of it. So `raw_line_hash` becomes a hash of
the values as they are kept (`value_hashes.py`). It depends on nothing but the line, its format and these settings, so
that the same line from a file and from a stream still has the same hash.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import lru_cache
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from beam_jobs.access_log.arrow.arrays import bits, buffer, bytes_array, int64_array, number_values, text_bytes
from beam_jobs.access_log.arrow.schema import Column
from beam_jobs.access_log.arrow.strings import rows_with
from beam_jobs.access_log.block_reader import ParsedBlock
from beam_jobs.access_log.formats.fields import MONTHS, TEXT_FIELDS
from beam_jobs.access_log.formats.registry import LogFormat
from beam_jobs.access_log.framing import PUSH, unframed
from beam_jobs.access_log.parser import MAX_BLOCK_BYTES, BlockParser
from beam_jobs.access_log.places.columns import Places
from beam_jobs.access_log.privacy.addresses import (
    AddressMode,
    AnonymisingKeyError,
    DailyKeys,
    each_address,
    is_address,
    pseudonyms,
    truncated,
)
from beam_jobs.access_log.privacy.query_secrets import PARAMETER, REDACTED, USER_INFO, redact_line
from beam_jobs.access_log.privacy.value_hashes import hash_rows
from beam_jobs.access_log.rejection import RejectReason

_HASHED = tuple(name for name in TEXT_FIELDS if name != "forwarded_for")
_NUMBERS = ("timestamp", "status", "body_bytes_sent", "request_duration_ms")
_CACHED = 1 << 17
_UNIX_EPOCH = date(1970, 1, 1).toordinal()

# Loose on purpose: in a line that could not be parsed nothing says which of its numbers are an address.
_HOST_AT_START = rb"^(?P<host>[\w-]+(?:\.[\w-]+){2,})(?=[ \t])"
_IPV4_IN_LINE = rb"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?!\d|\.\d)"
_IPV6_IN_LINE = rb"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,8}(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{0,5})(?![\w:])"
_ADDRESS_IN_LINE = re.compile(b"|".join((_HOST_AT_START, _IPV4_IN_LINE, _IPV6_IN_LINE)))
_DATE_IN_LINE = re.compile(rb"(\d\d)/([A-Z][a-z]{2})/(\d{4})|(\d{4})-(\d\d)-(\d\d)")
_NO_MESSAGE = "what was wrong is not kept: it was in a part of the line that is anonymised"


class Anonymiser:
    """Takes personal data out of rows and rejected lines; one instance may serve several threads.

    Args:
        addresses: What becomes of client addresses.
        redact_secrets: Whether secrets in URLs are redacted.
        keys: For `AddressMode.HASH`, and only for it.

    Raises:
        AnonymisingKeyError: `keys` is missing.
    """

    def __init__(self, addresses: AddressMode, *, redact_secrets: bool, keys: DailyKeys | None = None) -> None:
        if addresses is AddressMode.HASH and keys is None:
            raise AnonymisingKeyError("to replace addresses by hashes a key is needed")
        self._addresses = addresses
        self._redact_secrets = redact_secrets
        self._pseudonym = pseudonyms(keys) if keys is not None else None
        self._addresses_of = lru_cache(maxsize=_CACHED)(self._replaced_addresses)

    def rows(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """Return the rows, in `schema.ROWS_SCHEMA`, without what is to be taken out."""
        columns: dict[str, Column] = dict(zip(rows.schema.names, rows.columns, strict=True))
        if self._addresses is not AddressMode.NONE:
            for name in ("remote_addr", "forwarded_for"):
                columns[name] = _mapped(columns[name], columns["log_date"], self._addresses_of)
            # A line of a format that nobody knows may have an address there.
            columns["remote_user"] = _mapped(columns["remote_user"], columns["log_date"], self._user)
        if self._redact_secrets:
            for name in ("query", "path", "referer"):
                columns[name] = _redacted_column(columns[name], "=", PARAMETER, rf"\1{REDACTED}")
            for name in ("path", "referer"):
                columns[name] = _redacted_column(columns[name], "@", USER_INFO, rf"\1{REDACTED}@")
        plain = columns | {"user_agent": columns["user_agent"].cast(pa.string()), "host": _host_and_forwarded(columns)}
        columns["raw_line_hash"] = hash_rows([columns[name] for name in _NUMBERS], [plain[name] for name in _HASHED])
        return pa.record_batch([columns[name] for name in rows.schema.names], schema=rows.schema)

    def line(self, line: bytes) -> bytes:
        """Return a line that is not parsed, without whatever looks like something to be taken out."""
        framed = unframed(line)
        if framed is not None and PUSH in framed.frames:
            # Its text is encoded: nothing would be found in it.
            line = framed.content
        if self._redact_secrets:
            line = redact_line(line)
        if self._addresses is not AddressMode.NONE:
            log_date = _date_in(line) if self._pseudonym else None
            line = _ADDRESS_IN_LINE.sub(lambda match: self._address_in_line(match, log_date), line)
        return line

    def _replaced_addresses(self, text: str, log_date: date) -> str:
        if self._pseudonym is None:
            return truncated(text)
        pseudonym = self._pseudonym
        return each_address(text, lambda address: pseudonym(address, log_date))

    def _user(self, text: str, log_date: date) -> str:
        found = _ADDRESS_IN_LINE.sub(lambda match: self._address_in_line(match, log_date), text.encode())
        return found.decode()

    def _address_in_line(self, match: re.Match[bytes], log_date: date | None) -> bytes:
        address, port = match[0].decode("ascii", "replace"), ""
        if match["host"] is None and not is_address(address):
            # HAProxy and others put no brackets around an IPv6 address with a port.
            address, colon, digits = address.rpartition(":")
            if not is_address(address) or not (digits.isdigit() or not digits):
                return match[0]
            port = colon + digits
        if self._pseudonym is not None:
            return (self._pseudonym(address, log_date or date.min) + port).encode()
        return (truncated(address) + port).encode()


class AnonymisingParser(BlockParser):
    """A `BlockParser` whose rows and rejected lines are anonymous.

    Args:
        log_format: The format of the lines.
        anonymiser: What is taken out.
        max_line_bytes: As for `BlockParser`; what is kept of a line can be longer once it is anonymised.
        places: As for `BlockParser`: looked up by the addresses as they are logged.
    """

    def __init__(
        self,
        log_format: LogFormat,
        anonymiser: Anonymiser,
        max_line_bytes: int = 1 << 20,
        places: Places | None = None,
    ) -> None:
        super().__init__(log_format, max_line_bytes, places)
        self._anonymiser = anonymiser

    def parse(self, data: bytes | memoryview, base_offset: int = 0) -> ParsedBlock:
        """Parse whole lines, see `BlockParser.parse`."""
        parsed = super().parse(data, base_offset)
        return replace(parsed, rows=self._anonymiser.rows(parsed.rows), rejected=self._rejected(parsed.rejected))

    def kept_line(self, line: bytes) -> bytes:
        """Return the line without whatever looks like something to be taken out."""
        return self._anonymiser.line(line)

    def _rejected(self, rejected: pa.RecordBatch) -> pa.RecordBatch:
        """Return the rejected lines as they may be stored, with messages about that text, for messages quote lines."""
        if not rejected.num_rows:
            return rejected
        raw_lines, reasons, said = _lists(rejected)
        kept = [self._anonymiser.line(line) for line in raw_lines]
        messages = [
            message if reason == RejectReason.LINE_TOO_LONG else _NO_MESSAGE
            for reason, message in zip(reasons, said, strict=True)
        ]
        starts = np.cumsum([0, *(len(line) + 2 for line in kept)])
        if starts[-1] <= MAX_BLOCK_BYTES:
            again = super().parse(b"".join(line + b"\r\n" for line in kept)).rejected
            found = np.searchsorted(starts, again.column("source_offset").to_numpy(zero_copy_only=False)).tolist()
            for line, reason, message in zip(found, *_lists(again)[1:], strict=True):
                if reason == reasons[line]:
                    messages[line] = message
        columns: dict[str, Column] = dict(zip(rejected.schema.names, rejected.columns, strict=True))
        columns["raw_line"] = bytes_array(kept, pa.binary())
        columns["error_message"] = bytes_array([message.encode() for message in messages], pa.string())
        return pa.record_batch([columns[name] for name in rejected.schema.names], schema=rejected.schema)


def _lists(rejected: pa.RecordBatch) -> tuple[list[bytes], list[str], list[str]]:
    raw_lines, reasons, messages = (
        cast(Any, rejected.column(name)).to_pylist() for name in ("raw_line", "error_type", "error_message")
    )
    return raw_lines, reasons, messages


def _mapped(texts: Column, log_dates: Column, changed: Callable[[str, date], str]) -> Column:
    """Return the texts changed, each distinct one of a day once."""
    if texts.null_count == len(texts):
        return texts
    encoded: Any = texts.dictionary_encode("encode")
    missing = encoded.dictionary.null_count
    distinct = [text.decode() for text in text_bytes(encoded.dictionary)]
    null = cast(Any, encoded.dictionary.is_null()).to_pylist().index(True) if missing else -1
    indices = number_values(encoded.indices, np.int32)
    days = number_values(log_dates, np.int32)
    first = int(days.min())
    if first == days.max():
        day = date.fromordinal(first + _UNIX_EPOCH)
        values = [None if place == null else changed(text, day).encode() for place, text in enumerate(distinct)]
        return _taken(values, indices)
    paired: Any = pa.array(days.astype(np.int64) * len(distinct) + indices).dictionary_encode()
    pairs = [divmod(pair, len(distinct)) for pair in paired.dictionary.to_pylist()]
    values = [
        None if place == null else changed(distinct[place], date.fromordinal(day + _UNIX_EPOCH)).encode()
        for day, place in pairs
    ]
    return _taken(values, number_values(paired.indices, np.int32))


def _host_and_forwarded(columns: dict[str, Column]) -> Column:
    """Return what is hashed of both: rows without forwarded addresses hash as before there was a column of them."""
    host, forwarded = columns["host"], columns["forwarded_for"]
    if forwarded.null_count == len(forwarded):
        return host
    compute: Any = pc
    both = compute.binary_join_element_wise(compute.fill_null(host, "-"), forwarded, "\x1e")
    joined: Column = compute.if_else(forwarded.is_valid(), both, host)
    return joined


def _taken(distinct: list[bytes | None], indices: npt.NDArray[Any]) -> Column:
    texts = bytes_array([text or b"" for text in distinct], pa.string())
    nulls = np.array([text is None for text in distinct])
    taken: Column = texts.take(pa.Array.from_buffers(pa.int32(), len(indices), [None, buffer(indices)]))
    if not nulls.any():
        return taken
    missing: Any = pc.if_else(pa.array(nulls[indices]), pa.scalar(None, pa.string()), taken)
    return cast(Column, missing)


def _redacted_column(texts: Column, mark: str, pattern: str, replacement: str) -> Column:
    """Replace what the pattern finds; only the texts with `mark` in them are looked at."""
    rows = rows_with(texts, ord(mark))
    if not len(rows):
        return texts
    marked = np.zeros(len(texts), np.bool_)
    marked[rows] = True
    found: Any = texts.take(int64_array(rows))
    replaced: Any = pc.replace_substring_regex(found, pattern, replacement)
    if replaced.equals(found):
        return texts
    mask: Any = pa.Array.from_buffers(pa.bool_(), len(texts), [None, buffer(bits(marked))])
    result: Any = pc.replace_with_mask(texts, mask, replaced)
    return cast(Column, result)


def _date_in(line: bytes) -> date | None:
    match = _DATE_IN_LINE.search(line)
    if match is None:
        return None
    day, month, year, iso_year, iso_month, iso_day = match.groups()
    try:
        if iso_year:
            return date(int(iso_year), int(iso_month), int(iso_day))
        return date(int(year), MONTHS.index(month) + 1, int(day))
    except ValueError:
        return None
