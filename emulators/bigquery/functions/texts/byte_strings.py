"""Bytes: their texts, their digits and their hashes."""

from __future__ import annotations

import hashlib
import re

from bqemulator.sql.builtin_udfs import _farm_fingerprint64
from sqlglot import expressions as exp

from emulators.bigquery.functions.macros import Calls, Functions, macro
from emulators.bigquery.functions.texts.strings import call_of

_DIGITS = re.compile("(?:[0-9a-fA-F]{2})*")


def replaced(value: bytes) -> str:
    """Return the text of bytes, with U+FFFD for what is not UTF-8."""
    return value.decode(errors="replace")


def fingerprint(value: bytes) -> int:
    """Return FarmHash's Fingerprint64, with a sign."""
    number = int(_farm_fingerprint64(value))
    return number - 2**64 if number >= 2**63 else number


def sha512(value: bytes) -> bytes:
    """Return the digest of SHA-512."""
    return hashlib.sha512(value).digest()


def _from_hex(node: exp.Expr, is_safe: bool) -> exp.Expr | None:
    # A literal of bytes is one of digits by now.
    if isinstance(node.this, exp.Literal) and _DIGITS.fullmatch(node.this.name):
        return None
    return macro("bq_from_hex", node.this, is_safe)


def _sha512(node: exp.Expr, _: bool) -> exp.Expr | None:
    return macro("bq_sha512", node.this) if node.args["length"].name == "512" else None


FUNCTIONS: Functions = (
    ("bq_replaced", replaced, {"parameters": ["BLOB"], "return_type": "VARCHAR"}),
    ("bq_sha512_of", sha512, {"parameters": ["BLOB"], "return_type": "BLOB"}),
    ("bq_fingerprint", fingerprint, {"parameters": ["BLOB"], "return_type": "BIGINT"}),
)
CALLS: Calls = {
    exp.FromBase64: call_of("bq_from_base64", "this", may_fail=True),
    exp.Unhex: _from_hex,
    exp.FarmFingerprint: lambda node, _: macro("bq_farm_fingerprint", *node.expressions),
    exp.SHA2: _sha512,
    exp.SHA2Digest: _sha512,
    exp.SafeConvertBytesToString: call_of("bq_replaced", "this"),
}
