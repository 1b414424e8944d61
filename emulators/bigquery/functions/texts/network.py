"""Addresses and URLs: the functions of NET."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable
from typing import Any

from sqlglot import expressions as exp

from emulators.bigquery.functions.macros import Calls, Functions, macro, refuse

_SPACE = " \t\n\v\f\r"
#: What may stand before a host: a scheme and two slashes, or these alone.
_BEFORE = re.compile(r"[^/?#\\]*//")
_FAMILIES = {4: socket.AF_INET, 16: socket.AF_INET6}
_IPV4 = range(-(2**31), 2**32)


def host(url: str | None) -> str | None:
    """Return the host of a URL as it stands there, or None."""
    if url is None:
        return None
    authority = re.split(r"[/?#\\]", _BEFORE.sub("", url.strip(_SPACE), count=1), maxsplit=1)[0].rpartition("@")[2]
    found = re.match(r"\[[^\]]*(?:\][^:]*)?|[^:]*", authority)
    return found[0].lstrip(".") or None if found else None


def ip_from_string(text: str) -> bytes:
    """Return the bytes of an address of IPv4 or IPv6.

    Raises:
        ValueError: It is none.
    """
    if "%" in text:
        raise ValueError(f"NET.IP_FROM_STRING() encountered an unparseable IP-address: {text}")
    return ipaddress.ip_address(text).packed


def ip_to_string(address: bytes) -> str:
    """Return the text of an address.

    Raises:
        ValueError: It has neither 4 nor 16 bytes.
    """
    if len(address) not in _FAMILIES:
        raise ValueError(f"NET.IP_TO_STRING() encountered an IP address of {len(address)} bytes; expected 4 or 16")
    return socket.inet_ntop(_FAMILIES[len(address)], address)


def ipv4_from_int64(number: int) -> bytes:
    """Return the bytes of an address of IPv4; a negative number is one of 32 bits with a sign.

    Raises:
        ValueError: It has more bits.
    """
    if number not in _IPV4:
        raise ValueError(f"NET.IPV4_FROM_INT64() encountered an invalid integer IP: {number}")
    return (number % 2**32).to_bytes(4, "big")


def ipv4_to_int64(address: bytes) -> int:
    """Return the number of an address of IPv4.

    Raises:
        ValueError: It has not 4 bytes.
    """
    if len(address) != 4:
        raise ValueError(f"NET.IPV4_TO_INT64() encountered a non-IPv4 address of {len(address)} bytes")
    return int.from_bytes(address, "big")


def ip_net_mask(length: int, prefix: int) -> bytes:
    """Return a mask of so many bytes, whose first so many bits are set.

    Raises:
        ValueError: There are neither 4 nor 16 bytes, or fewer bits.
    """
    if length not in _FAMILIES or not 0 <= prefix <= 8 * length:
        raise ValueError(f"NET has no mask of {length} bytes and {prefix} bits")
    return ((1 << 8 * length) - (1 << 8 * length - prefix)).to_bytes(length, "big")


def ip_trunc(address: bytes, prefix: int) -> bytes:
    """Return the first address of the network, of so many bits, that an address is in.

    Raises:
        ValueError: It has neither 4 nor 16 bytes, or fewer bits.
    """
    return bytes(part & kept for part, kept in zip(address, ip_net_mask(len(address), prefix), strict=True))


def _net(node: exp.Expr, _: bool) -> exp.Expr:
    function = node.this
    name = function.name if isinstance(function, exp.Anonymous) else function.sql_name()
    if name.upper() not in _FUNCTIONS:
        raise refuse(f"NET.{name.upper()} is not offered by the local BigQuery")
    return macro(f"bq_net_{name.lower()}", *(function.expressions or [function.this]))


_FUNCTIONS: dict[str, tuple[Callable[..., Any], list[str], str]] = {
    "HOST": (host, ["VARCHAR"], "VARCHAR"),
    "IP_FROM_STRING": (ip_from_string, ["VARCHAR"], "BLOB"),
    "SAFE_IP_FROM_STRING": (ip_from_string, ["VARCHAR"], "BLOB"),
    "IP_TO_STRING": (ip_to_string, ["BLOB"], "VARCHAR"),
    "IPV4_FROM_INT64": (ipv4_from_int64, ["BIGINT"], "BLOB"),
    "IPV4_TO_INT64": (ipv4_to_int64, ["BLOB"], "BIGINT"),
    "IP_NET_MASK": (ip_net_mask, ["BIGINT", "BIGINT"], "BLOB"),
    "IP_TRUNC": (ip_trunc, ["BLOB", "BIGINT"], "BLOB"),
}


FUNCTIONS: Functions = tuple(
    (
        f"bq_net_{name.lower()}",
        function,
        {
            "parameters": parameters,
            "return_type": gives,
            # Who answers NULL takes it too.
            "null_handling": "special" if function is host else "default",
            "exception_handling": "return_null" if name.startswith("SAFE_") else "default",
        },
    )
    for name, (function, parameters, gives) in _FUNCTIONS.items()
)
CALLS: Calls = {exp.NetFunc: _net}
