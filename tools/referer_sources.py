"""Write `dags/sql/referer_sources/matomo.txt` from a checkout of Matomo's lists.

    git clone --depth 1 https://github.com/matomo-org/searchengine-and-social-list /tmp/lists
    python -m tools.referer_sources /tmp/lists

Matomo finds a search engine by the host of the referer alone, an assistant or a social network by the host or one that
is a subdomain of it. Entries with a path are left out: referers of today rarely have one.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

LIST = Path(__file__).parents[1] / "dags/sql/referer_sources/matomo.txt"
_ENTRY = re.compile(r"[a-z0-9{}-]+(\.[a-z0-9{}-]+)+")
_HEADER = """\
# Hosts of search engines, social networks and AI assistants.
# Source: https://github.com/matomo-org/searchengine-and-social-list, commit {commit}.
# Licence: CC0-1.0. Written by python -m tools.referer_sources: change own.txt instead.
#
# Class and host; a dot before it: its subdomains too; {{}}: the code of a country, at the end also co.uk and the like.
"""


def entries(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield class and host of each entry of the lists; of a host with two classes the first."""
    seen: set[str] = set()
    for kind, host in _hosts(folder):
        host = host.removeprefix("www.")
        if _ENTRY.fullmatch(host) and host not in seen:
            seen.add(host)
            yield kind, host if kind == "search" else f".{host}"


def _hosts(folder: Path) -> Iterator[tuple[str, str]]:
    for kind, name in (("ai", "AIAssistants.yml"), ("social", "Socials.yml")):
        for hosts in _read(folder / name).values():
            yield from ((kind, host) for host in hosts)
    for configurations in _read(folder / "SearchEngines.yml").values():
        for configuration in configurations:
            yield from (("search", host) for host in configuration["urls"])


def _read(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


def main(folder: str) -> None:
    """Write the list."""
    command = ["git", "-C", folder, "log", "-1", "--format=%h of %cs"]
    commit = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    lines = sorted(f"{kind} {host}\n" for kind, host in entries(Path(folder)))
    LIST.write_text(_HEADER.format(commit=commit) + "".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
