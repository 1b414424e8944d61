"""Hold the locked packages against PyPA's advisories: `make advisories DATABASE=FOLDER`.

FOLDER is a clone of https://github.com/pypa/advisory-database, whose files follow https://ossf.github.io/osv-schema/.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from packaging.utils import canonicalize_name
from packaging.version import Version

REQUIREMENTS = Path(__file__).parents[1] / "requirements"

_LOCKED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)


class Finding(NamedTuple):
    """A locked version that an advisory names."""

    package: str
    version: str
    advisory: str
    aliases: str


def locked_versions(folder: Path = REQUIREMENTS) -> dict[str, set[str]]:
    """Return the versions of each package in the locks, by its canonical name."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for path in folder.glob("*.txt"):
        for name, version in _LOCKED.findall(path.read_text(encoding="utf-8")):
            found[canonicalize_name(name)].add(version)
    return dict(found)


def findings(database: Path, locked: Mapping[str, set[str]]) -> Iterator[Finding]:
    """Yield the locked versions that an advisory which was not withdrawn calls affected."""
    for path in sorted(database.glob("vulns/*/*.yaml")):
        if canonicalize_name(path.parent.name) not in locked:
            continue
        advisory = yaml.safe_load(path.read_text(encoding="utf-8"))
        if advisory.get("withdrawn"):
            continue
        for affected in advisory["affected"]:
            name = canonicalize_name(affected["package"]["name"])
            for version in sorted(locked.get(name, ())):
                if is_affected(version, affected):
                    yield Finding(name, version, advisory["id"], ", ".join(advisory.get("aliases", ())))


def is_affected(version: str, affected: Mapping[str, Any]) -> bool:
    """Tell whether an entry of `affected` lists a version, or has it in a range."""
    if version in affected.get("versions", ()):
        return True
    ranges = (one["events"] for one in affected.get("ranges", ()) if one["type"] == "ECOSYSTEM")
    return any(_is_in_range(Version(version), events) for events in ranges)


def _is_in_range(version: Version, events: list[dict[str, str]]) -> bool:
    is_in = False
    for event in events:
        ((kind, limit),) = event.items()
        if kind == "introduced":
            is_in = is_in or limit == "0" or version >= Version(limit)
        elif kind == "fixed":
            is_in = is_in and version < Version(limit)
        elif kind == "last_affected":
            is_in = is_in and version <= Version(limit)
    return is_in


def main() -> int:
    """Print what was found; returns 1 if anything was."""
    parser = argparse.ArgumentParser(prog="python -m tools.advisories", description=__doc__)
    parser.add_argument("database", type=Path, help="a clone of pypa/advisory-database")
    database: Path = parser.parse_args().database
    if not (database / "vulns").is_dir():
        parser.error(f"{database} has no folder vulns: clone https://github.com/pypa/advisory-database")
    locked = locked_versions()
    found = list(findings(database, locked))
    for one in found:
        print(f"{one.package} {one.version}: {one.advisory} ({one.aliases})")
    print(f"{len(locked)} locked packages, {len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
