"""The clients that are no persons: their user agents as their operators document them, and where they come from.

Networks of agents whose operators publish their ranges lie within these, as of 2 September 2026.
"""

from __future__ import annotations

from typing import NamedTuple

from beam_jobs.access_log.agents.kinds import AgentKind
from beam_jobs.generate_logs.site.clients import Client
from beam_jobs.generate_logs.site.draws import Draws, Weighted
from beam_jobs.generate_logs.site.networks import HOSTING, Network

_CHROME = "Chrome/153.0.0.0 Safari/537.36"
_BLINK = "AppleWebKit/537.36 (KHTML, like Gecko"


class Agent(NamedTuple):
    """An agent; without networks of its own it runs wherever hosting is sold."""

    kind: AgentKind
    name: str
    user_agent: str
    networks: tuple[Network, ...] = ()
    protocol: str = "HTTP/1.1"

    def client(self, draws: Draws) -> Client:
        """Draw one of its addresses."""
        network = draws.one_of(self.networks) if self.networks else HOSTING.draw(draws)
        return Client(
            network.address(draws),
            self.user_agent,
            self.kind,
            self.name,
            network.country,
            self.protocol,
            is_genuine=self is not FAKE_GOOGLEBOT,
        )


def _us(*networks: str) -> tuple[Network, ...]:
    return tuple(Network(cidr, "US") for cidr in networks)


GOOGLEBOT = Agent(
    AgentKind.SEARCH_ENGINE,
    "Googlebot",
    "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/153.0.0.0 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    _us("66.249.66.0/27", "66.249.64.0/27", "2001:4860:4801:10::/64"),
)

CRAWLERS = Weighted(
    (30, GOOGLEBOT),
    (
        14,
        Agent(
            AgentKind.SEARCH_ENGINE,
            "bingbot",
            f"Mozilla/5.0 {_BLINK}; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) {_CHROME}",
            _us("157.55.39.0/24", "40.77.167.0/24"),
            "HTTP/2.0",
        ),
    ),
    (
        4,
        Agent(
            AgentKind.SEARCH_ENGINE,
            "YandexBot",
            "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
            (Network("5.255.231.0/24", "RU"),),
        ),
    ),
    (
        3,
        Agent(
            AgentKind.SEARCH_ENGINE,
            "Applebot",
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 "
            "Safari/605.1.15 (Applebot/0.1; +http://www.apple.com/go/applebot)",
            _us("17.166.150.0/24", "17.241.227.0/24"),
        ),
    ),
    (
        22,
        Agent(
            AgentKind.AI_TRAINING,
            "GPTBot",
            f"Mozilla/5.0 {_BLINK}; compatible; GPTBot/1.3; +https://openai.com/gptbot)",
            _us("20.171.206.0/24"),
        ),
    ),
    (
        18,
        Agent(
            AgentKind.AI_TRAINING,
            "ClaudeBot",
            f"Mozilla/5.0 {_BLINK}; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)",
            _us("216.73.216.0/22"),
        ),
    ),
    (
        9,
        Agent(
            AgentKind.AI_TRAINING,
            "meta-externalagent",
            "meta-externalagent/1.1 (+https://developers.facebook.com/docs/sharing/webmasters/crawler)",
            (Network("57.141.0.0/24", "IE"),),
        ),
    ),
    (
        5,
        Agent(
            AgentKind.AI_TRAINING,
            "Bytespider",
            "Mozilla/5.0 (Linux; Android 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Mobile Safari/537.36 "
            "(compatible; Bytespider; spider-feedback@bytedance.com)",
            _us("47.128.0.0/16"),
        ),
    ),
    (
        7,
        Agent(
            AgentKind.AI_SEARCH,
            "OAI-SearchBot",
            f"Mozilla/5.0 {_BLINK}; compatible; OAI-SearchBot/1.3; +https://openai.com/searchbot)",
            (Network("135.234.64.0/24", "GB"),),
        ),
    ),
    (
        5,
        Agent(
            AgentKind.AI_SEARCH,
            "PerplexityBot",
            f"Mozilla/5.0 {_BLINK}; compatible; PerplexityBot/1.0; +https://perplexity.ai/perplexitybot)",
            _us("18.97.9.96/29"),
        ),
    ),
    (
        10,
        Agent(
            AgentKind.SEO,
            "AhrefsBot",
            "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
            (Network("142.44.220.0/24", "CA"), Network("54.36.148.0/24", "FR")),
        ),
    ),
    (
        9,
        Agent(
            AgentKind.SEO,
            "SemrushBot",
            "Mozilla/5.0 (compatible; SemrushBot/7~bl; +http://www.semrush.com/bot.html)",
            (Network("185.191.171.0/24", "GB"),),
        ),
    ),
    (
        4,
        Agent(
            AgentKind.SEO,
            "DotBot",
            "Mozilla/5.0 (compatible; DotBot/1.2; +https://opensiteexplorer.org/dotbot; help@moz.com)",
            _us("216.244.66.0/24"),
        ),
    ),
)
"""Those that follow links: search engines, AI companies, SEO services."""

FAKE_GOOGLEBOT = GOOGLEBOT._replace(networks=())
"""The user agent of Googlebot from the networks of hosting companies."""

ASSISTANTS = Weighted(
    (
        60,
        Agent(
            AgentKind.AI_ASSISTANT,
            "ChatGPT-User",
            f"Mozilla/5.0 {_BLINK}; compatible; ChatGPT-User/1.0; +https://openai.com/bot)",
            _us("104.210.139.192/28", "13.67.72.16/28"),
        ),
    ),
    (
        22,
        Agent(
            AgentKind.AI_ASSISTANT,
            "Claude-User",
            f"Mozilla/5.0 {_BLINK}; compatible; Claude-User/1.0; +Claude-User@anthropic.com)",
            _us("160.79.104.0/23"),
        ),
    ),
    (
        18,
        Agent(
            AgentKind.AI_ASSISTANT,
            "Perplexity-User",
            f"Mozilla/5.0 {_BLINK}; compatible; Perplexity-User/1.0; +https://perplexity.ai/perplexity-user)",
            _us("18.97.43.80/29"),
        ),
    ),
)
"""Those that fetch a page because a person has asked for it."""

PREVIEWS = Weighted(
    (
        40,
        Agent(
            AgentKind.LINK_PREVIEW,
            "facebookexternalhit",
            "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
            _us("69.171.230.0/24", "66.220.149.0/24"),
        ),
    ),
    (
        25,
        Agent(
            AgentKind.LINK_PREVIEW,
            "Slackbot-LinkExpanding",
            "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
            _us("54.198.0.0/16"),
        ),
    ),
    (20, Agent(AgentKind.LINK_PREVIEW, "Twitterbot", "Twitterbot/1.0", _us("199.16.157.0/24"))),
    (
        15,
        Agent(
            AgentKind.LINK_PREVIEW,
            "TelegramBot",
            "TelegramBot (like TwitterBot)",
            (Network("149.154.161.0/24", "AG"),),
        ),
    ),
)

FEED_READERS = Weighted(
    (
        5,
        Agent(
            AgentKind.FEED_READER,
            "Feedly",
            "Feedly/1.0 (+http://www.feedly.com/fetcher.html; 148 subscribers; like FeedFetcher-Google)",
            _us("8.29.198.0/24"),
        ),
    ),
    (3, Agent(AgentKind.FEED_READER, "FreshRSS", "FreshRSS/1.27.1 (Linux; https://freshrss.org)")),
    (2, Agent(AgentKind.FEED_READER, "Miniflux", "Mozilla/5.0 (compatible; Miniflux/2.2.13; +https://miniflux.app)")),
)

MONITOR = Agent(
    AgentKind.MONITORING,
    "UptimeRobot",
    "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
    _us("216.144.248.16/28"),
)

LIBRARIES = Weighted(
    (5, Agent(AgentKind.LIBRARY, "curl", "curl/8.16.0", (), "HTTP/2.0")),
    (5, Agent(AgentKind.LIBRARY, "python-requests", "python-requests/2.32.5")),
    (3, Agent(AgentKind.LIBRARY, "Go-http-client", "Go-http-client/2.0", (), "HTTP/2.0")),
    (2, Agent(AgentKind.LIBRARY, "okhttp", "okhttp/5.1.0", (), "HTTP/2.0")),
)

SCANNERS = Weighted(
    (4, Agent(AgentKind.SCANNER, "zgrab", "Mozilla/5.0 zgrab/0.x")),
    (3, Agent(AgentKind.SCANNER, "Nuclei", "Nuclei - Open-source project (github.com/projectdiscovery/nuclei)")),
    (2, Agent(AgentKind.SCANNER, "sqlmap", "sqlmap/1.9.10#stable (https://sqlmap.org)")),
)
