"""Databases of addresses.

An MMDB file is one of those that people have: IPinfo Lite, DB-IP Lite, GeoLite2, or of the same fields. Country and
network may come in one file or in two.
"""

import re
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import maxminddb
from iptocc import country_code

from beam_jobs.access_log.errors import AccessLogError
from beam_jobs.access_log.places.place import Place

_ASN = re.compile(r"(?:AS)?(\d{1,10})", re.IGNORECASE)
_DAMAGED = "this is no MMDB file, or a damaged one: download it again, and unpack it if it is compressed"
_COUNTRY = re.compile(r"[A-Z]{2}")


class PlaceDatabaseError(AccessLogError):
    """A database of addresses cannot be read, or has neither country nor network; the message is one line."""


class RegistryCountries:
    """The countries for which the regional Internet registries have handed out addresses, from the package iptocc."""

    def places(self, addresses: Sequence[str]) -> list[Place]:
        """Return the country of each text."""
        return [Place(country) for country in country_code([_unmapped(address) for address in addresses])]


class MmdbFiles:
    """Databases in the MaxMind format, which together say what is known.

    Args:
        paths: The files.

    Raises:
        PlaceDatabaseError: A file cannot be read, or is none.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._readers = [(path, _open(path)) for path in paths]

    def places(self, addresses: Sequence[str]) -> list[Place]:
        """Return country and network of each text."""
        return [self._place(_unmapped(address)) for address in addresses]

    def _place(self, address: str) -> Place:
        found = Place()
        for path, reader in self._readers:
            try:
                record = reader.get(address)
            except maxminddb.InvalidDatabaseError as error:
                raise PlaceDatabaseError(f"{path}: {_DAMAGED}") from error
            except ValueError:  # no address, or one of IPv6 in a database of IPv4
                continue
            if isinstance(record, Mapping):
                place = _read(record)
                found = Place(
                    place.country if found.country is None else found.country,
                    place.asn if found.asn is None else found.asn,
                    place.network if found.network is None else found.network,
                )
        return found


def _open(path: Path) -> maxminddb.Reader:
    try:
        return maxminddb.open_database(path, maxminddb.MODE_AUTO)
    except OSError as error:
        raise PlaceDatabaseError(f"{path} cannot be read: {error.strerror or error}") from error
    except (maxminddb.InvalidDatabaseError, ValueError) as error:
        raise PlaceDatabaseError(f"{path}: {_DAMAGED}") from error


def _read(record: Mapping[str, Any]) -> Place:
    country = record.get("country_code", record.get("country"))
    if isinstance(country, Mapping):
        country = country.get("iso_code")
    asn = _ASN.fullmatch(str(record.get("asn", record.get("autonomous_system_number", ""))))
    network = record.get("as_name", record.get("autonomous_system_organization"))
    return Place(
        country if isinstance(country, str) and _COUNTRY.fullmatch(country) else None,
        int(asn[1]) if asn else None,
        network if isinstance(network, str) and network else None,
    )


def _unmapped(address: str) -> str:
    """Return the IPv4 address within an IPv6 one, and what a network interface is named behind `%` without it."""
    if ":" not in address:
        return address
    try:
        found = ip_address(address.partition("%")[0].strip("[]"))
    except ValueError:
        return address
    return str(getattr(found, "ipv4_mapped", None) or found)
