"""Where clients are: networks of access providers and hosting companies, with the country that the registries name.

The countries are those of the delegation files of the regional internet registries (by `iptocc` 3.3.170).
"""

from __future__ import annotations

from ipaddress import IPv6Address, ip_network

from beam_jobs.generate_logs.site.draws import Draws, Weighted


class Network:
    """A range of addresses in one country."""

    def __init__(self, cidr: str, country: str) -> None:
        network = ip_network(cidr)
        self.cidr = cidr
        self.country = country
        self._first = int(network.network_address)
        self._free_bits = network.max_prefixlen - network.prefixlen
        self._is_ipv6 = network.version == 6

    def address(self, draws: Draws) -> str:
        """Draw an address as servers log it."""
        free = self._free_bits
        low = draws.below(1 << min(free, 32))
        if not self._is_ipv6:
            number = self._first + low
            return f"{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        for drawn in range(32, free, 32):
            low |= draws.below(1 << min(free - drawn, 32)) << drawn
        return str(IPv6Address(self._first + low))


ACCESS = Weighted(
    (14, Network("84.128.0.0/10", "DE")),
    (6, Network("80.187.0.0/17", "DE")),
    (8, Network("2003:c0::/26", "DE")),
    (9, Network("73.0.0.0/8", "US")),
    (4, Network("172.56.0.0/14", "US")),
    (8, Network("2601::/20", "US")),
    (5, Network("2607:fb90::/32", "US")),
    (7, Network("90.0.0.0/10", "FR")),
    (4, Network("2a01:e00::/26", "FR")),
    (6, Network("86.128.0.0/11", "GB")),
    (3, Network("2a00:23c0::/26", "GB")),
    (4, Network("77.160.0.0/12", "NL")),
    (4, Network("83.0.0.0/11", "PL")),
    (3, Network("88.0.0.0/11", "ES")),
    (3, Network("79.0.0.0/11", "IT")),
    (2, Network("90.224.0.0/12", "SE")),
    (2, Network("80.108.0.0/16", "AT")),
    (2, Network("2a02:1210::/28", "CH")),
    (4, Network("49.32.0.0/12", "IN")),
    (4, Network("2409:4000::/22", "IN")),
    (2, Network("114.144.0.0/14", "JP")),
    (1, Network("240b:10::/32", "JP")),
    (3, Network("2804:14c::/31", "BR")),
    (2, Network("24.64.0.0/13", "CA")),
    (2, Network("1.120.0.0/13", "AU")),
    (2, Network("175.192.0.0/10", "KR")),
    (1, Network("78.160.0.0/11", "TR")),
)
"""Where persons are."""

HOSTING = Weighted(
    (4, Network("144.76.0.0/16", "DE")),
    (3, Network("51.38.0.0/16", "FR")),
    (3, Network("167.71.0.0/16", "US")),
    (2, Network("95.216.0.0/16", "DE")),
    (1, Network("2a01:4f8::/32", "DE")),
    (1, Network("2604:a880::/32", "US")),
)
"""Where programs are that nobody operates in public, scanners among them."""
