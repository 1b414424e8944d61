"""Who asks: an address with a user agent."""

from __future__ import annotations

from dataclasses import dataclass

BROWSER = "browser"
SEARCH_ENGINE = "search_engine"
AI_TRAINING = "ai_training"
AI_SEARCH = "ai_search"
AI_ASSISTANT = "ai_assistant"
SEO = "seo"
MONITORING = "monitoring"
FEED_READER = "feed_reader"
LINK_PREVIEW = "link_preview"
SCANNER = "scanner"
LIBRARY = "library"


@dataclass(frozen=True, slots=True)
class Client:
    """One client.

    Attributes:
        address: As logged.
        user_agent: As logged.
        kind: What the user agent says it is: one of the constants above.
        name: Name of the browser, crawler or program.
        country: Of the address, ISO 3166.
        protocol: As logged.
        user: Name of HTTP authentication, or `-`.
        forwarded_for: As logged, or `-`.
        is_genuine: Whether an agent's address is its operator's.
    """

    address: str
    user_agent: str
    kind: str
    name: str
    country: str
    protocol: str = "HTTP/2.0"
    user: str = "-"
    forwarded_for: str = "-"
    is_genuine: bool = True
