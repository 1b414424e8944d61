"""Where clients are: databases, and the columns made with them."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

import pyarrow as pa
import pytest

from beam_jobs.access_log import BlockParser, get_format
from beam_jobs.access_log.places import columns
from beam_jobs.access_log.places.columns import Places
from beam_jobs.access_log.places.databases import MmdbFiles, PlaceDatabaseError, RegistryCountries
from beam_jobs.access_log.places.place import Place
from beam_jobs.access_log.privacy.addresses import AddressMode
from beam_jobs.access_log.privacy.anonymiser import Anonymiser, AnonymisingParser
from tests.mmdb import write_mmdb

IPINFO = {"country": "Switzerland", "country_code": "CH", "asn": "AS64500", "as_name": "Example Networks"}
COUNTRY = {"country": {"iso_code": "CH", "geoname_id": 1}, "continent": {"code": "EU"}}
ASN = {"autonomous_system_number": 64500, "autonomous_system_organization": "Example Networks"}
LINE = '{} - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "-"\n'


class Counted:
    """A database that knows the country of every address, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    def places(self, addresses: Sequence[str]) -> list[Place]:
        self.asked.update(addresses)
        return [self.place(address) for address in addresses]

    @staticmethod
    def place(address: str) -> Place:
        number = int(address.rpartition(".")[2])
        return Place(("CH", "DE", None)[number % 3], number if number % 2 else None, f"network {number}")


@pytest.mark.parametrize("files", [[IPINFO], [COUNTRY, ASN], [ASN, COUNTRY]])
def test_databases_of_all_makers(tmp_path: Path, files: list[dict[str, object]]) -> None:
    paths = [
        write_mmdb(tmp_path / f"{number}.mmdb", {"203.0.113.0/24": record, "2001:db8::/32": record})
        for number, record in enumerate(files)
    ]
    addresses = ["203.0.113.7", "2001:db8::1", "::ffff:203.0.113.7", "fe80::1%eth0", "198.51.100.1", "example.org", ""]
    place = Place("CH", 64500, "Example Networks")
    assert MmdbFiles(paths).places(addresses) == [place, place, place, *[Place()] * 4]


def test_what_is_no_value_is_left_out(tmp_path: Path) -> None:
    record = {"country": "Switzerland", "asn": "none", "as_name": ""}
    path = write_mmdb(tmp_path / "a.mmdb", {"203.0.113.0/24": record})
    assert MmdbFiles([path]).places(["203.0.113.7"]) == [Place()]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: No such file"),
        (b"", "this is no MMDB file"),
        (b"\x1f\x8b" * 999, "this is no MMDB file"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "a.mmdb"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PlaceDatabaseError, match=said) as error:
        MmdbFiles([path])
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_countries_of_the_registries() -> None:
    found = RegistryCountries().places(
        ["8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8", "10.0.0.1", "a", "192.0.2.1"]
    )
    assert [place.country for place in found] == ["US", "US", "US", None, None, None]


@pytest.mark.parametrize("slots", [1 << 16, 4])
def test_each_line_has_its_place_and_each_address_is_looked_up_once(slots: int) -> None:
    addresses = [None if number % 7 == 0 else f"192.0.2.{number * number % 200}" for number in range(1000)]
    expected = [Place() if address is None else Counted.place(address) for address in addresses]
    database = Counted()
    with patch.object(columns, "_SLOTS", slots):
        places = Places(database)
        for _ in range(2):
            found = places.columns(pa.array(addresses, pa.string()))
            rows = zip(*(found[name].to_pylist() for name in ("country", "asn", "network")), strict=True)
            assert list(rows) == expected
    if slots > len(database.asked):
        assert set(database.asked.values()) == {1}


def test_slices_and_columns_without_addresses() -> None:
    places = Places(Counted())
    sliced = pa.array(["192.0.2.1", "192.0.2.2", None, "192.0.2.3"], pa.string())[1:]
    assert places.columns(sliced)["network"].to_pylist() == ["network 2", None, "network 3"]
    for empty in (pa.nulls(3, pa.string()), pa.array([], pa.string())):
        assert places.columns(empty)["country"].to_pylist() == [None] * len(empty)


def test_a_database_that_fails_leaves_nothing_half_known() -> None:
    database = Counted()
    places = Places(database)
    addresses = pa.array(["192.0.2.1"], pa.string())
    with patch.object(database, "places", side_effect=PlaceDatabaseError("damaged")), pytest.raises(PlaceDatabaseError):
        places.columns(addresses)
    assert places.columns(addresses)["network"].to_pylist() == ["network 1"]


def test_addresses_are_looked_up_before_they_are_anonymised() -> None:
    places = Places(Counted())
    block = (LINE.format("192.0.2.77") + LINE.format("192.0.2.78")).encode()
    plain = BlockParser(get_format("combined"), places=places).parse(block).rows
    anonymiser = Anonymiser(AddressMode.TRUNCATE, redact_secrets=False)
    anonymous = AnonymisingParser(get_format("combined"), anonymiser, places=places).parse(block).rows
    assert anonymous.column("remote_addr").to_pylist() == ["192.0.2.0", "192.0.2.0"]
    for rows in (plain, anonymous):
        assert rows.column("network").to_pylist() == ["network 77", "network 78"]
    without = BlockParser(get_format("combined")).parse(block).rows
    assert without.column("country").null_count == 2


def test_a_block_of_few_places_behind_one_of_many() -> None:
    places = Places(Counted())
    parser = BlockParser(get_format("combined"), places=places)
    for numbers in (range(1, 200), range(199, 200), range(2, 5)):
        rows = parser.parse("".join(LINE.format(f"203.0.113.{number}") for number in numbers).encode()).rows
        found = [Counted.place(f"203.0.113.{number}") for number in numbers]
        assert rows.column("country").to_pylist() == [place.country for place in found]
        assert rows.column("network").to_pylist() == [place.network for place in found]
