"""Lays packages of this repository out for a distribution of their own, under names that stand alone.

See docs/decisions/0137. Each `packages/*/setup.py` calls this before it builds.
"""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]


def lay_out(project: Path, packages: Mapping[str, str]) -> None:
    """Write packages to the folder `src` of a project, and the licence beside it.

    Args:
        project: The folder with the distribution's pyproject.toml.
        packages: Their names in the distribution, by their names here. Wherever a name here stands in their modules, in
            an import or in a text, the other one takes its place.
    """
    source = project / "src"
    shutil.rmtree(source, ignore_errors=True)
    names = re.compile(rf"\b({'|'.join(map(re.escape, packages))})\b")
    for name, new_name in packages.items():
        folder = REPOSITORY.joinpath(*name.split("."))
        for path in folder.rglob("*.py"):
            module = source.joinpath(*new_name.split("."), path.relative_to(folder))
            module.parent.mkdir(parents=True, exist_ok=True)
            text = names.sub(lambda match: packages[match[0]], path.read_text(encoding="utf-8"))
            module.write_text(text, encoding="utf-8")
    shutil.copy(REPOSITORY / "LICENSE", project)
