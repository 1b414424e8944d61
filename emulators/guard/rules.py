"""Which requests a server on loopback refuses, because a web page may have sent them.

A browser lets any page send requests anywhere. It names the page in `Origin` and `Sec-Fetch-Site`, which pages cannot
set (https://www.w3.org/TR/fetch-metadata/), and asks the server first (CORS preflight) unless the body has one of three
content types or none (https://fetch.spec.whatwg.org/#cors-safelisted-request-header). A page whose name was pointed at
loopback after it was loaded (DNS rebinding) is of the same origin to the browser; only `Host` tells.
"""

import argparse
import ipaddress
import re
from collections.abc import Iterable, Mapping

#: An address of IPv6 in brackets, or a name, and a port.
_HOST = re.compile(r"(?:\[([^\]]+)\]|([^:@\[\]]+))(?::[0-9]+)?")
_READING = frozenset({"GET", "HEAD"})
#: What Google's clients send: JSON, media with its JSON, batches.
_API_CONTENT_TYPES = frozenset({"application/json", "multipart/related", "multipart/mixed"})
_UPLOADS = r"/upload/"
_USE_CLIENTS = "web pages may not call this emulator, use Google's clients."


class Guard:
    """Decides which requests are refused.

    Args:
        hosts: Names beside those of loopback by which clients reach the server, without ports.
        uploads: What the targets begin with to which a body of any type may be sent; a regular expression.
    """

    def __init__(self, hosts: Iterable[str] = (), *, uploads: str = _UPLOADS) -> None:
        self._hosts = frozenset(host.lower() for host in hosts)
        self._uploads = re.compile(uploads)

    def refusal(self, method: str, target: str, headers: Mapping[str, str]) -> str | None:
        """Return why a request is refused and what to do, as one line; None where it is not.

        Args:
            method: Of HTTP.
            target: The path, with its query where uploads are told by that.
            headers: By their names in lower case.
        """
        host = headers.get("host", "")
        if not self._is_known(host):
            return (
                f"Host {host[:100]!r} is refused: call this emulator by a loopback name, or start it with "
                "--allowed-host=NAME."
            )
        # Not even a page of the same origin: the emulators have none, so it could only be a stored object.
        if (origin := headers.get("origin")) is not None:
            return f"Origin {origin[:100]!r} is refused: {_USE_CLIENTS}"
        site = headers.get("sec-fetch-site", "none")
        if site != "none" and not _follows_link(method, site, headers):
            return f"Sec-Fetch-Site {site[:100]!r} is refused: {_USE_CLIENTS}"
        if method not in _READING and _has_body(headers) and not self._uploads.match(target):
            content_type = headers.get("content-type", "")
            if content_type.partition(";")[0].strip().lower() not in _API_CONTENT_TYPES:
                return f"Content-Type {content_type[:100]!r} is refused: send application/json."
        return None

    def _is_known(self, host: str) -> bool:
        match = _HOST.fullmatch(host)
        name = (match[1] or match[2]).lower() if match else ""
        return name in self._hosts or is_loopback(name)


def add_allowed_hosts(parser: argparse.ArgumentParser) -> None:
    """Let a command line name hosts for a guard; they are `allowed_hosts`."""
    parser.add_argument(
        "--allowed-host",
        action="append",
        default=[],
        dest="allowed_hosts",
        metavar="NAME",
        help="a name beside those of loopback by which clients reach it, such as that of a container; repeatable",
    )


def is_loopback(name: str) -> bool:
    """Tell whether a name or address always means this machine (RFC 6761 for `localhost` and what ends in it)."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _follows_link(method: str, site: str, headers: Mapping[str, str]) -> bool:
    """Tell whether a user opens a link on another port of this machine, such as Airflow's to a job.

    The page with the link cannot read the answer.
    """
    navigates = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return navigates and site == "same-site" and method in _READING


def _has_body(headers: Mapping[str, str]) -> bool:
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
