"""Who asks: an address with a user agent."""

from __future__ import annotations

from dataclasses import dataclass

from beam_jobs.access_log.agents.kinds import AgentKind


@dataclass(frozen=True, slots=True)
class Client:
    """One client.

    Attributes:
        address: As logged.
        user_agent: As logged.
        kind: What the user agent says it is.
        name: Name of the browser, crawler or program.
        country: Of the address, ISO 3166.
        protocol: As logged.
        user: Name of HTTP authentication, or `-`.
        forwarded_for: As logged, or `-`.
        is_genuine: Whether an agent's address is its operator's.
    """

    address: str
    user_agent: str
    kind: AgentKind
    name: str
    country: str
    protocol: str = "HTTP/2.0"
    user: str = "-"
    forwarded_for: str = "-"
    is_genuine: bool = True
