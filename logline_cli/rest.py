"""What the clients of REST APIs share."""

from typing import Any, Self

import requests

from logline_cli.addresses import is_loopback

_TIMEOUT = 60


class RestClient:
    """A client of one server; use it as a context manager."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._session = requests.Session()
        self._session.trust_env = not is_loopback(url)  # no proxy on the way to this machine

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def _send(self, method: str, path: str, **options: Any) -> requests.Response:
        return self._session.request(method, self._url + path, timeout=_TIMEOUT, **options)


def reason_of(response: requests.Response, *keys: str) -> str:
    """Return why a server refused a request, on one line: the text at `keys` of its JSON, else all it answered."""
    try:
        reason = response.json()
        for key in keys:
            reason = reason[key]
    except (ValueError, KeyError, TypeError):
        reason = response.text
    return " ".join(str(reason).split())[:500]
