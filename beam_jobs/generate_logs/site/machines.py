"""What those ask for that are no persons. What only one host has is asked of it, whatever the host that was drawn."""

from __future__ import annotations

from beam_jobs.generate_logs.site import agents
from beam_jobs.generate_logs.site.draws import Draws
from beam_jobs.generate_logs.site.hits import Hit, answered, not_found
from beam_jobs.generate_logs.site.pages import BLOG, FEED, HEALTH, ORDERS, ROBOTS, WWW, Host

_SECONDS_BETWEEN = (1, 2, 2, 3, 5, 8, 10, 15, 30)


def crawl(draws: Draws, host: Host, second: int) -> list[Hit]:
    """A crawler reads robots.txt, then some pages; one in thirty only says that it is Googlebot."""
    agent = agents.FAKE_GOOGLEBOT if draws.random() < 1 / 30 else agents.CRAWLERS.draw(draws)
    client = agent.client(draws)
    hits = [answered(draws, second, client, host.name, ROBOTS)]
    for _ in range(draws.between(2, 24)):
        second += draws.one_of(_SECONDS_BETWEEN)
        does = draws.random()
        if does < 0.05:
            hits.append(not_found(draws, second, client, host.name, draws.one_of(host.old_pages)))
        elif does < 0.15:
            page = host.pages.draw(draws).resource
            hits.append(answered(draws, second, client, host.name, page, status=304, size=0))
        else:
            hits.append(answered(draws, second, client, host.name, host.pages.draw(draws).resource))
    return hits


def assist(draws: Draws, host: Host, second: int) -> list[Hit]:
    """An assistant fetches the one or two pages that a person has asked about."""
    client = agents.ASSISTANTS.draw(draws).client(draws)
    pages = [host.pages.draw(draws).resource for _ in range(draws.between(1, 2))]
    return [answered(draws, second + number, client, host.name, page) for number, page in enumerate(pages)]


def preview(draws: Draws, host: Host, second: int) -> list[Hit]:
    """A link was posted: the page and its first picture are fetched."""
    client = agents.PREVIEWS.draw(draws).client(draws)
    page = host.pages.draw(draws)
    return [answered(draws, second, client, host.name, resource) for resource in (page.resource, *page.pictures[:1])]


def read_feed(draws: Draws, _: Host, second: int) -> list[Hit]:
    """A feed reader asks for the blog's feed, which has mostly not changed."""
    client = agents.FEED_READERS.draw(draws).client(draws)
    hit = answered(draws, second, client, BLOG.name, FEED)
    return [hit if draws.random() < 0.2 else hit._replace(status=304, size=0)]


def call_api(draws: Draws, _: Host, second: int) -> list[Hit]:
    """A program asks for orders, now and then with an expired token."""
    client = agents.LIBRARIES.draw(draws).client(draws)
    hits = []
    for number in range(draws.between(1, 6)):
        hit = answered(draws, second + number, client, WWW.name, ORDERS, target=f"{ORDERS.target}?page={number + 1}")
        hits.append(hit if draws.random() < 0.95 else hit._replace(status=401, size=63))
    return hits


def monitor(draws: Draws, host: Host, second: int) -> list[Hit]:
    """A monitor asks whether the host is up."""
    return [answered(draws, second, agents.MONITOR.client(draws), host.name, HEALTH)]
