"""The page: its figures are those that plain Python counts, it loads nothing, and nothing of a log is markup."""

import base64
import hashlib
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest

from beam_jobs.access_log.cli.command import main
from tests.unit.beam_jobs.access_log.cli.logs import BOTS, CHROME, FORMAT, lines, most, requests

LINE = '192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET {path} HTTP/1.1" 200 5 "{referer}" "{agent}"\n'
VOID = {"meta", "br", "line", "rect"}


class Page(HTMLParser):
    """What stands on a page: sections with their tables and drawings, and the tags and attributes there are."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.figures: dict[str, str] = {}
        self.tables: dict[str, list[list[str]]] = {}
        self.columns: dict[str, list[tuple[str, float, float]]] = {}
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self._open: list[str] = []
        self._section = self._term = ""
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in VOID:
            self._open.append(tag)
        values = dict(attrs)
        if tag == "tr":
            self.tables.setdefault(self._section, []).append([])
        elif tag in ("td", "th"):
            self.tables[self._section][-1].append("")
        elif tag == "rect":
            column = (str(values["class"]), float(values["y"] or 0), float(values["height"] or 0))
            self.columns.setdefault(self._section, []).append(column)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        tag = self._open[-1] if self._open else ""
        if tag == "h2":
            self._section = data
        elif tag == "dt":
            self._term = data
        elif tag == "dd":
            self.figures[self._term] = data
        elif tag in ("td", "th"):
            self.tables[self._section][-1][-1] += data


def page_of(log: Path, text: str, *options: str) -> Page:
    log.write_text(text)
    assert main([str(log), "--html", str(log.with_suffix(".html")), *options]) == 0
    return Page(log.with_suffix(".html").read_text())


def test_the_figures_are_those_that_plain_python_counts(tmp_path: Path) -> None:
    written = lines(2000)
    asked = requests(written)
    page = page_of(tmp_path / "log", "\n".join(written), "--log-format", FORMAT, "--top", "100")
    people = [request for request in asked if not request["is_bot"]]
    hours = Counter(f"{request['time']:%Y-%m-%d %H:00}" for request in asked)
    bots = Counter(f"{request['time']:%Y-%m-%d %H:00}" for request in asked if request["is_bot"])
    busiest = max(hours, key=lambda hour: hours[hour])
    assert page.figures["requests"] == "2,000"
    assert page.figures["visitors"] == str(len({(one["address"], one["agent"]) for one in people}))
    assert page.figures["addresses"] == str(len({one["address"] for one in asked}))
    assert page.figures["from bots"] == f"{1 - len(people) / 2000:.1%}"
    assert page.figures["4xx errors"].split()[0] == str(sum(one["status"] == 404 for one in asked))
    assert page.figures["5xx errors"].split()[0] == str(sum(one["status"] == 503 for one in asked))
    assert page.figures["sent"] == f"{sum(one['sent'] for one in asked) / 1e6:.1f} MB"
    assert page.figures["busiest hour"] == f"{busiest} ({hours[busiest]})"
    assert page.figures["without a request"] == "6 of 11 hours"
    median = sorted(one["ms"] for one in asked)[999]
    assert float(page.figures["median duration"].removesuffix(" s")) == pytest.approx(median / 1000, rel=0.02)
    by_hour = {
        name: (int(count), int(of_bots)) for name, count, of_bots, *_ in page.tables["requests by hour (UTC)"][1:]
    }
    assert len(by_hour) == 11
    assert {name: counts for name, counts in by_hour.items() if counts[0]} == {
        name: (count, bots[name]) for name, count in hours.items()
    }
    of_day = Counter(f"{request['time']:%H}" for request in asked)
    assert [int(row[1]) for row in page.tables["requests by hour of the day (UTC)"][1:]] == [
        of_day[f"{hour:02}"] for hour in range(24)
    ]
    static = ("/a.css", "/b.PNG", "/robots.txt")
    for title, counts in {
        "pages": Counter(one["path"] for one in asked if one["path"] not in static),
        "static files": Counter(one["path"] for one in asked if one["path"] in static),
        "paths not found (404)": Counter(one["path"] for one in asked if one["status"] == 404),
        "paths of server errors (5xx)": Counter(one["path"] for one in asked if one["status"] == 503),
        "addresses": Counter(one["address"] for one in asked),
        "referring sites": Counter(
            re.sub(r"\w+://(\w+@)?([\w.]+).*", r"\2", one["referer"]) for one in asked if "//" in (one["referer"] or "")
        ),
        "referers": Counter(one["referer"] for one in asked if one["referer"]),
        "browsers of people": Counter(
            "Chrome" if one["agent"] == CHROME else "Firefox" for one in people if one["agent"]
        ),
        "bots": Counter(BOTS[one["agent"]] for one in asked if one["is_bot"]),
        "user agents": Counter(one["agent"] for one in asked if one["agent"]),
    }.items():
        assert [(name, int(count)) for name, count, _ in page.tables[title][1:]] == most(counts), title
    sent: Counter[str] = Counter()
    taken: Counter[str] = Counter()
    for one in asked:
        sent[one["path"]] += one["sent"]
        taken[one["path"]] += one["ms"]
    assert [row[0] for row in page.tables["paths by bytes sent"][1:]] == [name for name, _ in most(sent)]
    assert [row[0] for row in page.tables["paths by time taken"][1:]] == [name for name, _ in most(taken)]
    for title in ("requests by hour (UTC)", "requests by hour of the day (UTC)"):
        rows = [(int(row[1]), int(row[2])) for row in page.tables[title][1:]]
        drawn = page.columns[title]
        scale = sum(height for _, _, height in drawn) / 2000
        assert [height for kind, _, height in drawn if kind == "bots"] == pytest.approx(
            [of_bots * scale for _, of_bots in rows], abs=0.01
        )
        assert [100 - top for kind, top, _ in drawn if kind == "bots"] == pytest.approx(
            [count * scale for count, _ in rows], abs=0.01
        )


def test_nothing_of_a_log_is_markup_and_the_page_loads_nothing(tmp_path: Path) -> None:
    hostile = "</title></style><script>alert(1)</script><img/src=x&#39;onerror='alert(1)'>"
    text = LINE.format(path=f"/{hostile}", referer=f"http://{hostile}/", agent=f"{hostile} bot\u202e\x1b[31m")
    page = page_of(tmp_path / "log", text * 2 + f"spoilt {hostile}\n")
    assert page.tags <= {
        *(
            "html",
            "head",
            "meta",
            "title",
            "style",
            "body",
            "h1",
            "h2",
            "h3",
            "p",
            "a",
            "i",
            "br",
            "code",
            "main",
            "dl",
        ),
        *("div", "dt", "dd", "section", "svg", "g", "rect", "line", "text", "details", "summary", "table", "thead"),
        *("tbody", "tr", "th", "td", "span", "footer"),
    }
    assert {value for name, value in page.attributes if name == "href"} == {"#rejected"}
    assert not {name for name, _ in page.attributes if name.startswith("on") or name in ("src", "style", "action")}
    written = (tmp_path / "log.html").read_text()
    style = re.search("<style>(.*?)</style>", written, re.DOTALL)
    policy = re.search('Content-Security-Policy" content="([^"]*)"', written)
    assert style is not None
    assert policy is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy[1] == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert not re.search(r"url\(|@import", style[1])
    assert not re.search("[\x1b\u202e]", written)
    assert hostile in page.tables["pages"][1][0]


def test_a_page_of_several_logs_names_their_warnings(tmp_path: Path) -> None:
    good = LINE.format(path="/", referer="-", agent="-")
    (tmp_path / "a.log").write_text(good * 3)
    (tmp_path / "b.log").write_text("<190>1 2015-05-17T10:05:03Z host nginx - - - " + good)
    assert main([str(tmp_path), "--html", str(tmp_path / "page.html")]) == 0
    written = (tmp_path / "page.html").read_text()
    assert "<h1>2 logs</h1>" in written
    assert "b.log: 1 line in syslog 5424, taken off" in written
    rows = Page(written).tables["what was read"]
    assert [row[2:6] for row in rows[1:]] == [["3", "3", "0", "0"], ["1", "1", "0", "0"]]
