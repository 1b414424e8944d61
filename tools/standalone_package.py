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
        packages: Packages and modules, by their names here their names in the distribution. Wherever a name here stands
            in their code, in an import or in a text, the other one takes its place.
    """
    source = project / "src"
    shutil.rmtree(source, ignore_errors=True)
    names = re.compile(rf"\b({'|'.join(map(re.escape, packages))})\b")
    for name, new_name in packages.items():
        folder = REPOSITORY.joinpath(*name.split("."))
        target = source.joinpath(*new_name.split("."))
        for path in folder.rglob("*.py") if folder.is_dir() else [folder.with_suffix(".py")]:
            module = target / path.relative_to(folder) if folder.is_dir() else target.with_suffix(".py")
            module.parent.mkdir(parents=True, exist_ok=True)
            text = names.sub(lambda match: packages[match[0]], path.read_text(encoding="utf-8"))
            module.write_text(text, encoding="utf-8")
    shutil.copy(REPOSITORY / "LICENSE", project)
