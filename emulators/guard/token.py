"""A secret that callers send as Google's clients send an access token: `Authorization: Bearer ...`."""

import hmac

SHORTEST = 32


class Token:
    """The secret.

    Args:
        value: Of at least 32 characters.

    Raises:
        ValueError: It is shorter.
    """

    def __init__(self, value: str) -> None:
        if len(value) < SHORTEST:
            raise ValueError(f"a token has {SHORTEST} characters or more")
        self._value = value.encode()

    def is_borne(self, authorization: str) -> bool:
        """Tell whether the value of an `Authorization` header holds the secret; takes the same time for every guess."""
        scheme, _, given = authorization.strip().partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), self._value)
