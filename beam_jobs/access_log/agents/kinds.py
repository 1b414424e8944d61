"""The kinds of clients."""

from enum import StrEnum


class AgentKind(StrEnum):
    """What a client is, in the terms of the lists in `data/`; every value but `BROWSER` is an agent."""

    BROWSER = "browser"
    SEARCH_ENGINE = "search_engine"
    AI_TRAINING = "ai_training"
    AI_SEARCH = "ai_search"
    AI_ASSISTANT = "ai_assistant"
    SEO = "seo"
    ADVERTISING = "advertising"
    MONITORING = "monitoring"
    FEED_READER = "feed_reader"
    LINK_PREVIEW = "link_preview"
    SCANNER = "scanner"
    ARCHIVER = "archiver"
    RESEARCH = "research"
    LIBRARY = "library"
    AUTOMATION = "automation"
    OTHER_BOT = "other_bot"
