"""Errors of the command; each is one line: what, where, and what to do."""


class ClientError(Exception):
    """Something the user has to know or mend."""


class UsageError(ClientError):
    """An option is wrong: exit code 2."""
