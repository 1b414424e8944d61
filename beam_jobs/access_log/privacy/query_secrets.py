r"""Secrets in URLs: the values of query parameters that are named like one, and user names and passwords before `@`.

A parameter is a secret by its name, whatever its case. It ends in one of `ENDINGS`; or it is one of `WORDS`, or ends in
one behind anything but a letter, so that `x-api-key` is a secret and `monkey` is none. `user[password]` is one too.
"""

import re

REDACTED = "REDACTED"
"""What stands in place of a secret."""

ENDINGS = ("token", "password", "passwd", "passphrase", "secret", "signature", "apikey", "accesskey", "sessionid")
"""Names of parameters, and ends of such names: `access_token`, `X-Amz-Signature`, `newPassword`."""

WORDS = ("key", "sig", "pass", "pwd", "auth", "authorization", "credential", "credentials", "session", "sid", "jwt",
         "otp", "phpsessid")  # fmt: skip
"""Names of parameters, and last words of such names: `api_key`, `X-Amz-Credential`."""

_NAME = (
    rf"(?:[^?&;#=\s]*(?:{'|'.join(ENDINGS)})|(?:[^?&;#=\s]*(?:[^?&;#=\sa-z]|%5b))?(?:{'|'.join(WORDS)}))"
    r"(?:\]|%5d)*="
)

PARAMETER = rf"(?i)((?:^|[?&;#]){_NAME})[^&#]+"
"""RE2 for texts that are a URL or a part of one; the first group stays. A value ends at `&` or `#`."""

USER_INFO = r"(://)[^/?#@\s]+@"
"""RE2 for the user name and password of a URL; the first group stays, the `@` with it."""

# In a line as logged quotes end a field, and `&` may be escaped as JSON does. A value may hold spaces, but those before
# the protocol of a request, and tabs, end it.
_IN_LINE = re.compile(
    rf"((?:^|[?&;#\s\"]|\\u0026){_NAME})(?:\\(?!u0026).|[^&#\t\"\\ ]| (?!HTTP/))+".encode(), re.IGNORECASE
)
_USER_INFO_IN_LINE = re.compile(rb"(://)[^/?#@\s\"]+@")


def redact_line(line: bytes) -> bytes:
    """Redact the secrets in a log line of any format or none."""
    line = _IN_LINE.sub(rb"\1" + REDACTED.encode(), line)
    return _USER_INFO_IN_LINE.sub(rb"\1" + REDACTED.encode() + b"@", line)
