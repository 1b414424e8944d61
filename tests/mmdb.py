"""Databases of addresses in the MaxMind format, https://maxmind.github.io/MaxMind-DB/, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network, ip_network
from pathlib import Path
from typing import Any

_STRING, _UINT16, _UINT32, _MAP, _UINT64, _ARRAY = 2, 5, 6, 7, 9, 11
# Numbers of the metadata that are not of 32 bits.
_KINDS = dict.fromkeys(
    ("binary_format_major_version", "binary_format_minor_version", "ip_version", "record_size"), _UINT16
) | {"build_epoch": _UINT64}


def write_mmdb(path: Path, records: Mapping[str, Mapping[str, Any]]) -> Path:
    """Write a database with a record of texts, numbers and maps for each network."""
    tree: list[list[int | None]] = [[None, None]]
    data = b""
    leaves = []
    for text, record in records.items():
        network = ip_network(text)
        # Addresses of version 4 are those of ::/96.
        length = network.prefixlen + (96 if isinstance(network, IPv4Network) else 0)
        bits = f"{int(network.network_address):0128b}"[:length]
        node = 0
        for bit in bits[:-1]:
            following = tree[node][int(bit)]
            if following is None:
                following = tree[node][int(bit)] = len(tree)
                tree.append([None, None])
            node = following
        leaves.append((node, int(bits[-1]), len(data)))
        data += _encoded(record)
    for node, side, offset in leaves:
        tree[node][side] = len(tree) + 16 + offset
    nodes = b"".join((len(tree) if target is None else target).to_bytes(4) for pair in tree for target in pair)
    about = {
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": 1_795_000_000,
        "database_type": "Test",
        "description": {"en": "Test"},
        "ip_version": 6,
        "languages": ["en"],
        "node_count": len(tree),
        "record_size": 32,
    }
    path.write_bytes(nodes + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + _encoded(about))
    return path


def _encoded(value: Any) -> bytes:
    if isinstance(value, str):
        content = value.encode()
        return _control(_STRING, len(content)) + content
    if isinstance(value, int):
        return _number(_UINT32, value)
    if isinstance(value, list):
        return _control(_ARRAY, len(value)) + b"".join(_encoded(item) for item in value)
    return _control(_MAP, len(value)) + b"".join(
        _encoded(name) + (_number(_KINDS[name], item) if name in _KINDS else _encoded(item))
        for name, item in value.items()
    )


def _number(kind: int, value: int) -> bytes:
    content = value.to_bytes(8).lstrip(b"\0")
    return _control(kind, len(content)) + content


def _control(kind: int, size: int) -> bytes:
    of_kind, extended = (kind << 5, b"") if kind < 8 else (0, bytes([kind - 7]))
    return bytes([of_kind | min(size, 29)]) + extended + (bytes([size - 29]) if size >= 29 else b"")
