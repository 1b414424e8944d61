"""Errors of this package; lines never raise, they are rejected with a reason."""


class AccessLogError(ValueError):
    """Base of every error this package raises; its message is one line that a user can act on."""


class FormatError(AccessLogError):
    """No known log format has this name, or none fits the sample."""


class BlockSizeError(AccessLogError):
    """A block is larger than one call can parse."""


class OutputError(AccessLogError):
    """A file of results, or standard output, cannot be written."""
