"""Why the content of a file cannot be read; each message is one line without the file's name."""


class ContentError(ValueError):
    """Base of these errors."""


class TruncatedError(ContentError):
    """The compressed data end before they are complete.

    Args:
        compression: How they are compressed.
    """

    def __init__(self, compression: str) -> None:
        self.compression = compression
        super().__init__(f"the {compression} stream ends too early")


class CorruptError(ContentError):
    """The compressed data do not follow their format, or a checksum is wrong.

    Args:
        compression: How they are compressed.
        detail: What the library says.
    """

    def __init__(self, compression: str, detail: str) -> None:
        self.compression = compression
        super().__init__(f"the {compression} stream is damaged ({' '.join(detail.split()).rstrip('.')})")


class UnsupportedError(ContentError):
    """The file is intact, but not of a kind that is read here."""
