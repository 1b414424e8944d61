r"""Client addresses made anonymous: cut to their network, or replaced by a pseudonym that holds for one day.

A network is the /24 of an IPv4 address and the /48 of an IPv6 address. A host name, where a server logs one in place
of the address, is cut to its last two labels. A pseudonym is the first 16 hexadecimal digits of HMAC-SHA256 over the
log date and the address: without the key nobody finds the address by trying them all, and no visitor is followed from
one day to the next. It is written `visitor-0123456789abcdef`, so that what is anonymous already is not hashed again.
"""

import hmac
import re
from collections.abc import Callable
from datetime import date
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from socket import AF_INET, inet_pton

from beam_jobs.access_log.errors import AccessLogError
from beam_jobs.access_log.reference.claims import without_port

MIN_KEY_CHARACTERS = 16
"""A shorter key is refused."""

_CACHED = 1 << 17
_KEY_LINE = re.compile(r"(?:(\d{4}-\d{2}-\d{2})[ \t]+)?(\S+)", re.ASCII)
_PSEUDONYM = re.compile(r"visitor-[0-9a-f]{16}")
# Between the addresses of a list, as proxies write X-Forwarded-For; IIS writes a plus sign for a blank.
_LIST = re.compile(r"([ +]*,[ +]*)")
_NO_ADDRESSES = ("", "-", "unknown", "unix:")


class AddressMode(StrEnum):
    """What becomes of client addresses."""

    NONE = "none"
    TRUNCATE = "truncate"
    HASH = "hash"


class AnonymisingKeyError(AccessLogError):
    """The key of the pseudonyms is missing, too short, or its file cannot be understood; the message is one line."""


class DailyKeys:
    r"""The keys of the pseudonyms, each from a log date on.

    Written as text with one key per line: at least 16 characters without spaces, and before it, from the second key on,
    the first log date it is for. Empty lines and lines that begin with `#` are skipped::

        Zk2yWqv1cS8Tn4bX
        2026-12-01 9Lr0hJd7VxQ3mPa5

    To rotate, add a line whose date has not begun: rows of a day keep one key, however often the day is loaded. A key
    that is taken out makes the pseudonyms of its days impossible to reproduce, for their owner too.

    Args:
        text: The keys.

    Raises:
        AnonymisingKeyError: There is no key, or a line is not as described.
    """

    def __init__(self, text: str) -> None:
        self._keys: list[tuple[date, bytes]] = []
        for number, line in enumerate(text.splitlines(), start=1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            self._keys.append(_read_key(line.strip(), number))
            if len(self._keys) > 1 and self._keys[-2][0] >= self._keys[-1][0]:
                raise AnonymisingKeyError(
                    f"line {number} of the keys: give each key a later first date than the one before it"
                )
        if not self._keys:
            raise AnonymisingKeyError(
                f"there is no key: write one of {MIN_KEY_CHARACTERS} characters or more into the file"
            )

    def of(self, log_date: date) -> bytes:
        """Return the key of a log date; dates before the first key's have the first."""
        return next((key for first, key in reversed(self._keys) if first <= log_date), self._keys[0][1])


def is_address(text: str) -> bool:
    """Whether a text is an IPv4 or IPv6 address."""
    if _is_ipv4(text):
        return True
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_ipv4(text: str) -> bool:
    """Whether a text is what `IPv4Address` takes, ten times faster."""
    try:
        inet_pton(AF_INET, text)
    except (OSError, ValueError):
        return False
    return True


def truncated(address: str) -> str:
    """Return the network of an address, or of each address of a list; a host name's last two labels."""
    return each_address(address, _network)


def each_address(text: str, replaced: Callable[[str], str]) -> str:
    """Return an address, or a list of them, with each one replaced; ports go."""
    if _is_ipv4(text):
        return replaced(text)
    parts = _LIST.split(text)
    for place in range(0, len(parts), 2):
        if parts[place] not in _NO_ADDRESSES:
            address = parts[place] if is_address(parts[place]) else without_port(parts[place].encode()).decode()
            parts[place] = replaced(address)
    return "".join(parts)


def pseudonyms(keys: DailyKeys) -> Callable[[str, date], str]:
    """Return a function that gives an address its pseudonym of a day and caches the last ones."""

    @lru_cache(maxsize=_CACHED)
    def pseudonym(address: str, log_date: date) -> str:
        if _PSEUDONYM.fullmatch(address):
            return address
        message = f"{log_date.isoformat()} {address}".encode()
        return f"visitor-{hmac.digest(keys.of(log_date), message, 'sha256').hex()[:16]}"

    return pseudonym


@lru_cache(maxsize=_CACHED)
def _network(text: str) -> str:
    try:
        address = ip_address(text.partition("%")[0].strip("[]"))
    except ValueError:
        return ".".join(text.rsplit(".", 2)[-2:])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return f"::ffff:{_truncated_address(address.ipv4_mapped)}"
    return _truncated_address(address)


def _truncated_address(address: IPv4Address | IPv6Address) -> str:
    bits = 24 if address.version == 4 else 48
    return str(ip_network((address, bits), strict=False).network_address)


def _read_key(line: str, number: int) -> tuple[date, bytes]:
    match = _KEY_LINE.fullmatch(line)
    if match is None:
        raise AnonymisingKeyError(f"line {number} of the keys is not `KEY` or `YYYY-MM-DD KEY`")
    first, key = match.groups()
    if len(key) < MIN_KEY_CHARACTERS:
        raise AnonymisingKeyError(f"line {number} of the keys: a key has at least {MIN_KEY_CHARACTERS} characters")
    try:
        return date.fromisoformat(first) if first else date.min, key.encode()
    except ValueError as error:
        raise AnonymisingKeyError(f"line {number} of the keys: {first} is not a date") from error
