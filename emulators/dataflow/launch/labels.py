"""The labels of a job, cf. `projects.jobs#Job.labels`."""

import unicodedata
from collections.abc import Mapping

from emulators.dataflow.errors import invalid_argument

MOST_LABELS = 64
LONGEST, MOST_BYTES = 63, 128
_LETTERS = frozenset({"Ll", "Lo"})
_NUMBERS = frozenset({"Nd", "Nl", "No"})


def check_labels(labels: Mapping[str, object]) -> None:
    """Refuse labels that the service refuses.

    Raises:
        ApiError: 400, there are too many, or one is too long or has other characters.
    """
    if len(labels) > MOST_LABELS:
        raise invalid_argument(f"Invalid labels: there are {len(labels)}, up to {MOST_LABELS} are allowed.")
    for key, value in labels.items():
        if not isinstance(value, str) or not _is_text(value) or not (_is_text(key) and _starts_with_a_letter(key)):
            raise invalid_argument(
                f"Invalid label {key!r}: {value!r}: a key begins with a lower-case letter; key and value have up to "
                f"{LONGEST} lower-case letters, digits, underscores and dashes, in {MOST_BYTES} bytes."
            )


def _starts_with_a_letter(text: str) -> bool:
    return text != "" and unicodedata.category(text[0]) in _LETTERS


def _is_text(text: str) -> bool:
    return (
        len(text) <= LONGEST
        and len(text.encode()) <= MOST_BYTES
        and all(sign in "_-" or unicodedata.category(sign) in _LETTERS | _NUMBERS for sign in text)
    )
