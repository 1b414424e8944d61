"""The generated site: what is said of it is what a count of its lines finds, made apart from the generator."""

import hashlib
import ipaddress
import re
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest

from beam_jobs.access_log import BlockParser, detect_format, get_format
from beam_jobs.generate_logs.command import main
from beam_jobs.generate_logs.site import agents, networks
from beam_jobs.generate_logs.site.draws import Draws
from beam_jobs.generate_logs.synthetic_stream import REJECTED, ROW, StreamPlan, draw_events
from tests.unit.beam_jobs.generate_logs.test_command import generate, lines_of

DAYS = ("2026-11-01", "2026-11-02", "2026-11-03")
LINE = re.compile(
    r'(?P<addr>[\da-f.:]+) - (?P<user>\S+) \[(?P<time>[^]]+)\] "(?P<method>[A-Z]+) (?P<target>\S+) HTTP/[12]\.[01]"'
    r' (?P<status>[1-5]\d\d) (?P<size>\d{1,12}) "(?P<referer>[^"]+)" "(?P<agent>[^"]+)" "(?P<forwarded>[^"]+)"'
    r' "(?P<host>[^"]+)" sn="[^"]+" rt=(?P<seconds>\d+\.\d{3}) .*'
)
KINDS = {
    "search_engine": r"Googlebot/|bingbot/|YandexBot/|Applebot/",
    "ai_training": r"GPTBot/|ClaudeBot/|meta-externalagent/|Bytespider",
    "ai_search": r"OAI-SearchBot/|PerplexityBot/",
    "ai_assistant": r"ChatGPT-User/|Claude-User/|Perplexity-User/",
    "seo": r"AhrefsBot/|SemrushBot/|DotBot/",
    "monitoring": r"UptimeRobot/",
    "feed_reader": r"Feedly/|FreshRSS/|Miniflux/",
    "link_preview": r"facebookexternalhit/|Slackbot-|Twitterbot/|TelegramBot",
    "scanner": r"zgrab/|Nuclei|sqlmap/",
    "library": r"^curl/|^python-requests/|^Go-http-client/|^okhttp/",
}
SOUGHT = re.compile(
    r"^/\.|wp-login|xmlrpc|wp-content|phpmyadmin|phpunit|actuator|server-status|\.sql$|cgi-bin/luci|boaform"
)
ATTACKS = {
    "sql_injection": r"%27|SLEEP|EXTRACTVALUE",
    "path_traversal": r"\.\./|\.\.%|%2e",
    "xss": r"%3C",
}
CHANNELS = {
    "search": r"\.google\.com$|^duckduckgo|bing\.com$|ecosia",
    "social": r"facebook|instagram|reddit|linkedin|^t\.co$",
    "ai": r"chatgpt|perplexity|gemini|claude",
    "mail": r"^mail\.",
}


class Request(NamedTuple):
    moment: datetime
    address: str
    agent: str
    kind: str
    host: str
    method: str
    target: str
    status: int
    size: int
    referer: str
    milliseconds: int


def requests_of(lines: list[bytes], day: str) -> list[Request]:
    found = []
    for line in lines:
        match = LINE.fullmatch(line.decode("latin-1"))
        try:
            moment = datetime.strptime(match["time"], "%d/%b/%Y:%H:%M:%S %z") if match else None
        except ValueError:
            continue
        if match is None or moment is None or moment.date() != date.fromisoformat(day):
            continue
        kind = next((kind for kind, names in KINDS.items() if re.search(names, match["agent"])), "browser")
        found.append(
            Request(
                *(moment.astimezone(UTC), match["addr"], match["agent"], kind, match["host"], match["method"]),
                *(match["target"], int(match["status"]), int(match["size"]), match["referer"]),
                round(1000 * float(match["seconds"])),
            )
        )
    return found


def visits_of(requests: list[Request]) -> list[list[Request]]:
    by_visitor = defaultdict(list)
    for request in requests:
        if request.kind == "browser":
            by_visitor[request.address, request.agent].append(request)
    visits = []
    for of_visitor in by_visitor.values():
        visits.append(of_visitor[:1])
        for request in of_visitor[1:]:
            if request.moment - visits[-1][-1].moment >= timedelta(minutes=30):
                visits.append([])
            visits[-1].append(request)
    return visits


def is_view(request: Request) -> bool:
    path = urlsplit(request.target).path
    is_page = not re.search(r"^/(assets|images|api)/|^/(favicon\.ico|feed\.xml|robots\.txt|healthz)$", path)
    return request.kind == "browser" and request.method == "GET" and is_page and request.status in (200, 304)


def channel_of(request: Request) -> str:
    query = parse_qs(urlsplit(request.target).query)
    if "utm_medium" in query:
        return "mail" if query["utm_medium"] == ["email"] else "campaign"
    domain = urlsplit(request.referer).hostname
    if domain is None:
        return "direct"
    for channel in ("ai", "mail", "social", "search"):
        if re.search(CHANNELS[channel], domain):
            return channel
    return "referral"


def attack_of(request: Request) -> str | None:
    if request.method == "POST" and request.status == 401:
        return "brute_force"
    if request.kind != "scanner":
        return None
    kinds = [kind for kind, signs in ATTACKS.items() if re.search(signs, request.target)]
    return kinds[0] if kinds else "probe" if SOUGHT.search(request.target) else None


def percentile(values: list[int], percent: int) -> int:
    return sorted(values)[-(-percent * len(values) // 100) - 1]


def counted(requests: list[Request]) -> dict[str, Any]:
    visits = visits_of(requests)
    names = defaultdict(Counter)
    for request in requests:
        names[request.kind][request.agent] += 1
    entries = [visit[0] for visit in visits if attack_of(visit[0]) is None]
    return {
        "requests": len(requests),
        "bytes": sum(request.size for request in requests),
        "statuses": Counter(str(request.status) for request in requests),
        "page_views": sum(map(is_view, requests)),
        "visits": len(visits),
        "bounces": sum(sum(map(is_view, visit)) == 1 for visit in visits),
        "visitors": len({(visit[0].address, visit[0].agent) for visit in visits}),
        "bots": sum(request.kind != "browser" for request in requests),
        "agents": {kind: sum(by_name.values()) for kind, by_name in names.items()},
        "channels": Counter(map(channel_of, entries)),
        "attacks": Counter(attack for attack in map(attack_of, requests) if attack),
        "server_errors": sum(request.status >= 500 for request in requests),
        "server_error_minutes": len(
            {request.moment.replace(second=0) for request in requests if request.status >= 500}
        ),
        "missed": sum(request.status == 404 for request in requests),
        "durations_ms": {
            f"p{percent}": percentile([request.milliseconds for request in requests], percent)
            for percent in (50, 95, 99)
        },
    }


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("site")
    return folder, generate(folder, "--site", "--days=3", "--lines_per_day=8000", "--format=nginx_amplify", "--seed=5")


def test_the_truth_of_each_host_is_what_its_lines_say(site: tuple[Path, dict[str, Any]]) -> None:
    folder, truth = site
    for day in DAYS:
        lines = lines_of(folder, day)
        requests = requests_of(lines, day)
        said = truth["days"][day]
        assert len(lines) == said["lines"] == (5000 if day == "2026-11-01" else 8000), "fewer on a Sunday"
        assert len(requests) == said["rows"] == sum(said["hours"])
        assert said["rejected"] == round(len(lines) * 0.01)
        assert said["unique_remote_addr"] == len({request.address for request in requests})
        assert sorted(said["hosts"]) == sorted({request.host for request in requests})
        for name, host in said["hosts"].items():
            found = counted([request for request in requests if request.host == name])
            host["agents"] = {kind: sum(names.values()) for kind, names in host["agents"].items()}
            found["missed"] -= sum(entry["requests"] for entry in host["not_found"])
            assert found.pop("missed") >= 0
            assert {figure: host[figure] for figure in found} == found, (day, name)
            assert host["requests"] == sum(host["countries"].values()) == sum(host["resources"].values())


def test_what_goes_wrong_is_in_the_lines_and_in_the_truth(site: tuple[Path, dict[str, Any]]) -> None:
    folder, truth = site
    sunday, monday, tuesday = (truth["days"][day] for day in DAYS)
    assert [sunday["outage"], tuesday["outage"]] == [None, None]
    outage = monday["outage"]
    errors = [request for request in requests_of(lines_of(folder, DAYS[1]), DAYS[1]) if request.status >= 500]
    assert len(errors) > 10
    assert {request.host for request in errors} == {outage["host"]}
    assert all(outage["start"] <= f"{request.moment:%H:%M:%S}" < outage["end"] for request in errors)
    assert max(request.milliseconds for request in errors) >= 60_000
    assert set(sunday["hosts"]) - set(tuesday["hosts"]) == {tuesday["silent_host"]}
    for day in DAYS:
        of_day: Counter[str] = Counter()
        for host in truth["days"][day]["hosts"].values():
            of_day.update(host["attacks"])
        assert set(of_day) == {"probe", "brute_force", "sql_injection", "path_traversal", "xss"}


def test_persons_come_back_and_move_with_the_hours(site: tuple[Path, dict[str, Any]]) -> None:
    folder, truth = site
    seen = [
        {(visit[0].address, visit[0].agent) for visit in visits_of(requests_of(lines_of(folder, day), day))}
        for day in DAYS[1:]
    ]
    assert len(seen[0] & seen[1]) > 20
    addresses = [ipaddress.ip_address(address) for address, _ in seen[0]]
    assert 0.2 < sum(address.version == 6 for address in addresses) / len(addresses) < 0.5
    hours = truth["days"][DAYS[1]]["hours"]
    assert sum(hours[9:18]) > 4 * sum(hours[0:5])


@pytest.mark.parametrize("log_format", ["nginx_main", "nginx_amplify", "vhost_combined", "combined", "article"])
def test_a_parser_finds_format_and_reasons(tmp_path: Path, log_format: str) -> None:
    truth = generate(tmp_path, "--site", "--lines_per_day=1500", "--bad_share=0.3", f"--format={log_format}")
    content = b"\n".join(lines_of(tmp_path, "2026-11-01")) + b"\n"
    good = generate(tmp_path / "good", "--site", "--lines_per_day=300", "--bad_share=0", f"--format={log_format}")
    assert detect_format(b"\n".join(lines_of(tmp_path / "good", "2026-11-01"))).name == log_format
    assert good["totals"]["rejected"] == 0
    parsed = BlockParser(get_format(log_format)).parse(content)
    totals = truth["totals"]
    assert (parsed.rows.num_rows, parsed.blank) == (totals["rows"], totals["blank"])
    reasons = Counter(parsed.rejected.column("error_type").to_pylist())
    assert dict(sorted(reasons.items())) == totals["rejected_by_reason"]
    day = truth["days"]["2026-11-01"]
    assert len(set(parsed.rows.column("path").to_pylist())) == day["paths"]
    assert sum(parsed.rows.column("body_bytes_sent").to_pylist()) == day["body_bytes_sent"]
    assert day["outage"] is not None, "the only day has the outage"


def test_the_lines_are_the_same_on_every_machine_and_version(tmp_path: Path) -> None:
    generate(tmp_path, "--site", "--lines_per_day=400", "--bad_share=0.05", "--seed=11", "--format=nginx_amplify")
    content = b"\n".join(lines_of(tmp_path, "2026-11-01"))
    assert hashlib.sha256(content).hexdigest() == "d6c5b2572595eb3ffed1fbfb862f2c806fee423603d0c5e5ebe308f8692a03ba"


@pytest.mark.parametrize("lines", [1, 2, 30])
@pytest.mark.parametrize("bad_share", ["0", "1"])
def test_days_of_a_few_lines(tmp_path: Path, lines: int, bad_share: str) -> None:
    truth = generate(tmp_path, "--site", "--days=2", f"--lines_per_day={lines}", f"--bad_share={bad_share}")
    assert truth["days"]["2026-11-02"]["lines"] == len(lines_of(tmp_path, "2026-11-02")) == lines
    assert truth["totals"]["rejected"] == (0 if bad_share == "0" else truth["totals"]["lines"])


@pytest.mark.parametrize("rate", [0.001, 0.5, 300])
def test_the_live_lines_are_the_sites(rate: float) -> None:
    start = datetime(2026, 11, 22, 23, 59, 30, tzinfo=UTC)
    plan = StreamPlan(400, "article", 3, start, rate, 0.05, 0.02, 0.01, 0.05, is_site=True)
    events = [event for event in draw_events(plan) if not event.is_repetition]
    assert events == [event for event in draw_events(plan) if not event.is_repetition]
    parsed = BlockParser(get_format("article")).parse(b"\n".join(event.line for event in events) + b"\n")
    fates = Counter(event.fate for event in events)
    assert (parsed.rows.num_rows, parsed.rejected.num_rows) == (fates[ROW], fates[REJECTED])
    days = Counter(map(str, parsed.rows.column("log_date").to_pylist()))
    assert days == Counter(event.log_date for event in events if event.fate == ROW)
    assert b"example.com" in b"".join(event.line for event in events)


def test_a_fake_googlebot_is_in_no_network_of_google() -> None:
    draws = Draws("any")
    addresses = [agents.FAKE_GOOGLEBOT.client(draws).address for _ in range(200)]
    google = [ipaddress.ip_network(network.cidr) for network in agents.GOOGLEBOT.networks]
    assert not any(ipaddress.ip_address(address) in network for address in addresses for network in google)


def test_addresses_lie_in_their_networks() -> None:
    draws = Draws("any")
    for network in (*networks.ACCESS.values, *networks.HOSTING.values):
        drawn = {network.address(draws) for _ in range(50)}
        assert len(drawn) > 40
        assert all(ipaddress.ip_address(address) in ipaddress.ip_network(network.cidr) for address in drawn)
        assert all(str(ipaddress.ip_address(address)) == address for address in drawn)


def test_a_format_of_sites_alone_is_said_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([f"--output={tmp_path}", "--start_date=2026-11-01", "--format=nginx_main"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "--format nginx_main is for a site: add --site, or take one of article, common, combined"
    ]
