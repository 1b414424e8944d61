"""The guard before a server of Python's `http.server`."""

from http.server import BaseHTTPRequestHandler
from typing import TypeVar

from emulators.guard.errors import FORBIDDEN, forbidden
from emulators.guard.rules import Guard

#: What is read of a refused request's body, so that the client comes to read the answer.
_DRAINED_BYTES = 1 << 16

Handler = TypeVar("Handler", bound=BaseHTTPRequestHandler)


def guarded(handler: type[Handler], guard: Guard) -> type[Handler]:
    """Return a request handler that answers 403 to what the guard refuses, and else does what the given one does."""

    class Guarded(handler):  # type: ignore[misc, valid-type]
        def parse_request(self) -> bool:
            if not super().parse_request():
                return False
            headers = {name.lower(): value for name, value in self.headers.items()}
            reason = guard.refusal(self.command, self.path, headers)
            if reason is None:
                return True
            self._refuse(reason, headers.get("content-length", ""))
            return False

        def _refuse(self, reason: str, length: str) -> None:
            if length.isdecimal():
                self.rfile.read(min(int(length), _DRAINED_BYTES))
            body = forbidden(reason)
            self.close_connection = True
            self.send_response(FORBIDDEN)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Guarded
