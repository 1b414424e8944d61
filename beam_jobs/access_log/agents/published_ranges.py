"""Whether an address is one of those that an agent's operator publishes."""

import json
from bisect import bisect_right
from functools import cache, lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, collapse_addresses, ip_address, ip_network
from typing import NamedTuple

from beam_jobs.access_log.agents.known_agents import DATA

_CACHED = 1 << 16
# Behind these stands a proxy of one's own, not the client. Not `is_private`: that takes in the ranges of documentation.
_OWN_NETWORKS = tuple(
    ip_network(text)
    for text in (
        *("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"),
        *("::1/128", "fc00::/7", "fe80::/10"),
    )
)


class _Ranges(NamedTuple):
    """Networks that do not overlap, by the numbers of their first and last address."""

    firsts: list[int]
    lasts: list[int]

    def holds(self, first: int, last: int) -> bool | None:
        """Tell whether a network lies in one of these; None if only a part of it does."""
        place = bisect_right(self.firsts, last) - 1
        if place < 0 or self.lasts[place] < first:
            return False
        return True if self.firsts[place] <= first and last <= self.lasts[place] else None


def is_published(agent_id: str) -> bool:
    """Tell whether an agent has published ranges."""
    return agent_id in _published()


@lru_cache(maxsize=_CACHED)
def is_verified(agent_id: str, address: str) -> bool | None:
    """Tell whether an address lies in the ranges that are published for an agent.

    An address whose host part is zero may be one that somebody cut to its network, a /24 or /48: all of the network has
    to lie in the ranges then, or none of it.

    Args:
        agent_id: What the ranges call the agent.
        address: The address, as logged.

    Returns:
        None if there are no ranges, the text is no address, or the address is one of a network of one's own.
    """
    ranges = _published().get(agent_id)
    parsed = _address(address)
    if ranges is None or parsed is None or any(parsed in network for network in _OWN_NETWORKS):
        return None
    first = int(parsed)
    host_bits = 8 if parsed.version == 4 else 80
    is_network = first % (1 << host_bits) == 0
    return ranges[parsed.version].holds(first, first + (1 << host_bits) - 1 if is_network else first)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.partition("%")[0].strip("[]"))
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


@cache
def _published() -> dict[str, dict[int, _Ranges]]:
    """Return the ranges of every agent, by version of IP."""
    published: dict[str, dict[int, _Ranges]] = {}
    for entry in json.loads((DATA / "ranges.json").read_text())["ranges"]:
        networks = [ip_network(prefix) for prefix in entry["prefixes"]]
        ranges = {version: _ranges([n for n in networks if n.version == version]) for version in (4, 6)}
        published |= dict.fromkeys(entry["covers"], ranges)
    return published


def _ranges(networks: list[IPv4Network | IPv6Network]) -> _Ranges:
    merged = list(collapse_addresses(networks))  # type: ignore[type-var]
    return _Ranges([int(n.network_address) for n in merged], [int(n.broadcast_address) for n in merged])
