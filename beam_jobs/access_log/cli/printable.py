"""Text of logs as it may be shown: a log can hold anything, escape sequences of terminals too."""


def printable(text: str) -> str:
    """Return a text with all that does not print escaped."""
    return (
        text
        if text.isprintable()
        else "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
    )


def cut(text: str, most: int) -> str:
    """Return the printable beginning of a text, at most so many characters of it."""
    shown = printable(text)
    return shown if len(shown) <= most else f"{shown[: max(most - 3, 1)]}..."
