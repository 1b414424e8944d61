"""What goes wrong: an outage of one host, and a host that is silent for a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from beam_jobs.generate_logs.site.draws import Draws
from beam_jobs.generate_logs.site.hits import Hit
from beam_jobs.generate_logs.site.pages import API, BLOG, DOCS, PAGE, SHOP, Host

_FAILS, _LEAVES = 0.75, 0.6
_TIMED_OUT_SECONDS = 60


@dataclass(frozen=True)
class Outage:
    """An outage: most pages fail, all else is slow.

    Attributes:
        host: Name of the host.
        start: Second of the day.
        end: Second of the day after its last one.
    """

    host: str
    start: int
    end: int

    def strike(self, draws: Draws, hits: list[Hit]) -> list[Hit]:
        """Return what becomes of the hits of one client: a page that fails loads nothing, and most persons leave."""
        left: list[Hit] = []
        failed_page = False
        for hit in hits:
            if hit.host != self.host or not self.start <= hit.second < self.end:
                left.append(hit)
                failed_page = False
            elif hit.resource not in (PAGE, API):
                if not failed_page:
                    left.append(hit._replace(milliseconds=hit.milliseconds * 3))
            elif draws.random() >= _FAILS:
                left.append(hit._replace(milliseconds=hit.milliseconds * 20))
                failed_page = False
            else:
                failed_page = True
                status, milliseconds = (502, 3) if draws.random() < 0.6 else (504, _TIMED_OUT_SECONDS * 1000)
                left.append(hit._replace(status=status, size=559, milliseconds=milliseconds))
                if hit.visit and draws.random() < _LEAVES:
                    break
        return left


@dataclass(frozen=True)
class Incidents:
    """What goes wrong on a day.

    Attributes:
        attack_hour: Hour of a scanner's attack.
        outage: Of one host.
        silent: A host that nobody reaches all day.
    """

    attack_hour: int | None = None
    outage: Outage | None = None
    silent: Host | None = None


def incidents_of(seed: int, first_day: date, days: int, day: date) -> Incidents:
    """Return the incidents of a day of the site.

    Each day has an attack. Of each seven days from the first one the second has an outage, and on the third one a host
    is silent. A single day has the outage.
    """
    number = (day - first_day).days % 7
    draws = Draws(seed, "incidents", day)
    attack_hour = draws.below(24)
    if number == min(1, days - 1):
        start = draws.between(9, 19) * 3600 + draws.below(3600)
        return Incidents(attack_hour, outage=Outage(SHOP.name, start, start + 60 * draws.between(17, 39)))
    return Incidents(attack_hour, silent=draws.one_of((DOCS, BLOG)) if number == 2 else None)
