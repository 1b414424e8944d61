"""One request, with what is known of it beside its line."""

from __future__ import annotations

from typing import Any, NamedTuple

from beam_jobs.generate_logs.site.clients import Client
from beam_jobs.generate_logs.site.draws import Draws
from beam_jobs.generate_logs.site.pages import Resource

# What part of the usual duration an answer takes, in hundredths: most are near it, few far beyond.
_SPREAD = (55, 65, 72, 80, 86, 92, 97, 100, 104, 110, 118, 128, 142, 165, 210, 380, 900)


class Hit(NamedTuple):
    """One request.

    Attributes:
        second: Of the day.
        client: Who asked.
        host: Name of the host.
        method: HTTP method.
        target: Path and query.
        status: HTTP status.
        size: Bytes of the body.
        referer: As logged, or `-`.
        milliseconds: Duration.
        resource: Kind of what was asked for, a constant of `pages`.
        visit: Which visit of a person it is of; 0: of none.
        channel: Of the first request of a visit, where it came from.
        attack: The kind of attack it is part of.
    """

    second: int
    client: Client
    host: str
    method: str
    target: str
    status: int
    size: int
    referer: str
    milliseconds: int
    resource: str
    visit: int = 0
    channel: str | None = None
    attack: str | None = None


def answered(draws: Draws, second: int, client: Client, host: str, resource: Resource, **changes: Any) -> Hit:
    """Return a GET that was answered with the resource; `changes` are fields that differ from that."""
    hit = Hit(
        second,
        client,
        host,
        "GET",
        resource.target,
        200,
        resource.size,
        "-",
        duration(draws, resource.milliseconds),
        resource.kind,
    )
    return hit._replace(**changes) if changes else hit


def not_found(draws: Draws, second: int, client: Client, host: str, target: str, **changes: Any) -> Hit:
    """Return a GET for something that is not there."""
    hit = Hit(second, client, host, "GET", target, 404, 1_532, "-", duration(draws, 8), "other")
    return hit._replace(**changes) if changes else hit


def duration(draws: Draws, usual: int) -> int:
    """Draw how many milliseconds an answer takes that usually takes `usual`."""
    return usual * draws.one_of(_SPREAD) // 100
