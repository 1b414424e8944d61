"""Addresses of servers."""

import ipaddress
from urllib.parse import urlsplit


def is_address(url: str) -> bool:
    """Tell whether a text is the address of a server."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises where it is no number, or too large a one
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def is_loopback(url: str) -> bool:
    """Tell whether an address is of this machine."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
