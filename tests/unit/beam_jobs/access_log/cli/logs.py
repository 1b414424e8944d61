"""A log with something of everything, and what plain Python counts in it."""

import random
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

FORMAT = '%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i" %D'
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:120.0) Gecko/20100101 Firefox/120.0"
BOTS = {
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)": "Googlebot",
    "UniversalFeedParser/4.2 +http://feedparser.org/": "UniversalFeedParser",
}
_LINE = re.compile(r'(\S+) - - \[([^]]+)\] "(\S+) (\S+) \S+" (\d+) (\S+) "([^"]*)" "([^"]*)" (\d+)')
_PATHS = ("/", "/shop", "/shop/cart", "/a.css", "/b.PNG", "/robots.txt", "/gone", "/broken")
_REFERERS = ("-", "https://example.org/x?y", "http://user@example.org:8080", "https://search.example/", "about:blank")


def lines(count: int) -> list[str]:
    """Return lines of two days, fewer and fewer an hour, with six hours of silence between them."""
    chance = random.Random(1)
    start = datetime(2026, 3, 1, 20, tzinfo=UTC)
    written = []
    for number in range(count):
        minutes = int(300 * (number / count) ** 2)
        time = start + timedelta(minutes=minutes + (360 if minutes >= 180 else 0))
        path = chance.choice(_PATHS)
        status = {"/gone": 404, "/broken": 503}.get(path, chance.choice((200, 200, 304)))
        size = "-" if status == 304 else chance.randrange(10**6)
        agent = chance.choice((CHROME, FIREFOX, *BOTS, "-"))
        request = f'"GET {path}?q={number} HTTP/1.1" {status} {size} "{chance.choice(_REFERERS)}" "{agent}"'
        address, duration = f"192.0.2.{chance.randrange(40)}", chance.randrange(1, 9_000_000)
        written.append(f"{address} - - [{time:%d/%b/%Y:%H:%M:%S} +0000] {request} {duration}")
    return written


def requests(written: list[str]) -> list[dict[str, Any]]:
    """Read the lines, each into a dictionary."""
    read = []
    for line in written:
        found = _LINE.fullmatch(line)
        assert found
        address, time, _, target, status, size, referer, agent, duration = found.groups()
        read.append(
            {
                "address": address,
                "time": datetime.strptime(time, "%d/%b/%Y:%H:%M:%S %z"),
                "path": target.partition("?")[0],
                "status": int(status),
                "sent": 0 if size == "-" else int(size),
                "referer": None if referer == "-" else referer,
                "agent": None if agent == "-" else agent,
                "is_bot": agent in BOTS,
                "ms": int(duration) / 1000,
            }
        )
    return read


def most(counts: Counter[str]) -> list[tuple[str, int]]:
    """Return counts, the largest first, equal ones by the alphabet."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
