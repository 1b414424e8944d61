"""What was drawn of a host on a day, counted."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from beam_jobs.access_log.agents.kinds import AgentKind
from beam_jobs.generate_logs.site.hits import Hit
from beam_jobs.generate_logs.site.pages import PAGE

_MOST_LISTED = 50


@dataclass
class HostTruth:
    """Counts of the good lines of one host and day."""

    requests: int = 0
    bytes: int = 0
    page_views: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    resources: Counter[str] = field(default_factory=Counter)
    agents: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    not_genuine: Counter[str] = field(default_factory=Counter)
    countries: Counter[str] = field(default_factory=Counter)
    channels: Counter[str] = field(default_factory=Counter)
    campaigns: Counter[str] = field(default_factory=Counter)
    attacks: Counter[str] = field(default_factory=Counter)
    not_found: Counter[tuple[str, str]] = field(default_factory=Counter)
    durations: Counter[int] = field(default_factory=Counter)
    visitors: set[tuple[str, str]] = field(default_factory=set)
    visits: Counter[int] = field(default_factory=Counter)
    views: Counter[str] = field(default_factory=Counter)
    entries: dict[int, tuple[str, str]] = field(default_factory=dict)
    exits: dict[int, str] = field(default_factory=dict)
    server_error_minutes: set[int] = field(default_factory=set)

    def count(self, hit: Hit, path: str) -> None:
        """Count one good line."""
        client = hit.client
        self.requests += 1
        self.bytes += hit.size
        self.statuses[str(hit.status)] += 1
        self.resources[hit.resource] += 1
        self.agents[client.kind][client.name] += 1
        self.countries[client.country] += 1
        self.durations[hit.milliseconds] += 1
        if hit.visit:
            self.visitors.add((client.address, client.user_agent))
            is_view = hit.resource == PAGE and hit.status in (200, 304) and hit.method == "GET"
            self.visits[hit.visit] += is_view
            self.page_views += is_view
            if is_view:
                self.views[path] += 1
                # A visit whose first page was not answered begins with the next one, to which that led.
                self.entries.setdefault(hit.visit, (path, hit.channel or "internal"))
                self.exits[hit.visit] = path
        if hit.channel:
            self.channels[hit.channel] += 1
            if "utm_campaign=" in hit.target:
                self.campaigns[hit.target.rpartition("utm_campaign=")[2]] += 1
        if hit.attack:
            self.attacks[hit.attack] += 1
        if not client.is_genuine:
            self.not_genuine[client.name] += 1
        if hit.status == 404:
            self.not_found[path, hit.referer] += 1
        elif hit.status >= 500:
            self.server_error_minutes.add(hit.second // 60)

    def as_json(self) -> dict[str, Any]:
        """Return the entry of `truth.json` for the host."""
        missing = sorted(self.not_found.items(), key=lambda entry: (-entry[1], entry[0]))
        durations = sorted(self.durations.items())
        entries, exits = Counter(path for path, _ in self.entries.values()), Counter(self.exits.values())
        return {
            "requests": self.requests,
            "bytes": self.bytes,
            "statuses": _in_order(self.statuses),
            "resources": _in_order(self.resources),
            "page_views": self.page_views,
            "visits": len(self.visits),
            "visits_with_pages": _in_order(Counter(channel for _, channel in self.entries.values())),
            "bounces": sum(views == 1 for views in self.visits.values()),
            "visitors": len(self.visitors),
            "pages": {
                path: {"views": views, "entries": entries[path], "exits": exits[path]}
                for path, views in sorted(self.views.items())
            },
            "agents": {kind: _in_order(names) for kind, names in sorted(self.agents.items())},
            "not_genuine": _in_order(self.not_genuine),
            "bots": sum(names.total() for kind, names in self.agents.items() if kind != AgentKind.BROWSER),
            "countries": _in_order(self.countries),
            "channels": _in_order(self.channels),
            "campaigns": _in_order(self.campaigns),
            "attacks": _in_order(self.attacks),
            "not_found": [
                {"path": path, "referer": None if referer == "-" else referer, "requests": requests}
                for (path, referer), requests in missing[:_MOST_LISTED]
            ],
            "server_errors": sum(times for status, times in self.statuses.items() if status[0] == "5"),
            "server_error_minutes": len(self.server_error_minutes),
            "durations_ms": {f"p{percent}": _percentile(durations, percent) for percent in (50, 95, 99)},
        }


def _in_order(counter: Counter[str]) -> dict[str, int]:
    return dict(sorted(counter.items()))


def _percentile(durations: list[tuple[int, int]], percent: int) -> int:
    """The least duration that this percentage of them does not exceed."""
    left = -(-percent * sum(times for _, times in durations) // 100)
    for milliseconds, times in durations:
        left -= times
        if left <= 0:
            return milliseconds
    return 0
