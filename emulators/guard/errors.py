"""The answer to a refused request, in the JSON form that all of Google's APIs share."""

import json

FORBIDDEN = 403


def forbidden(message: str) -> bytes:
    """Return the body of a 403.

    Not 401: Google's clients answer that by asking Google for a new token, and the user reads why that failed.
    """
    detail = {"message": message, "domain": "global", "reason": "forbidden"}
    error = {"code": FORBIDDEN, "message": message, "status": "PERMISSION_DENIED", "errors": [detail]}
    return json.dumps({"error": error}).encode()
