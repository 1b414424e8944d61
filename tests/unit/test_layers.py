"""The import contracts of pyproject.toml: each finds the imports that it forbids, those for type checkers too."""

import itertools
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
CONTRACTS: list[dict[str, Any]] = SETTINGS["contracts"]
# Where the root packages lie, below a copy of the repository.
FOLDERS = {"logline": "plugins"}


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the contracts are about."""
    copy = tmp_path_factory.mktemp("layers")
    shutil.copy(ROOT / "pyproject.toml", copy)
    for name in SETTINGS["root_packages"]:
        folder = Path(FOLDERS.get(name, "")) / name
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def lint(copy: Path) -> str:
    """What `make lint` would say of the imports of a copy, each spelled on one line."""
    # As installed, beside this very interpreter; it searches for the packages where PYTHONPATH says.
    command = [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--cache-dir", copy.parent / "lint_cache"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((".", "plugins")), "COLUMNS": "500"}
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def source_file(copy: Path, module: str) -> Path:
    """The file of a module or package."""
    path = copy.joinpath(FOLDERS.get(module.partition(".")[0], ""), *module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def modules(copy: Path, pattern: str) -> list[str]:
    """The modules that a contract means by `package` or `package.*`."""
    if not pattern.endswith(".*"):
        return [pattern]
    package = pattern.removesuffix(".*")
    below = source_file(copy, package).parent.glob("[!_]*")
    return sorted(f"{package}.{path.stem}" for path in below if path.is_dir() or path.suffix == ".py")


def layers(contract: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """From the modules of each layer to those of the next higher one, and between those that are independent."""
    for container in contract.get("containers", [None]):
        prefix = f"{container}." if container else ""
        levels = [[prefix + name.strip(" ()") for name in re.split(r"[|:]", layer)] for layer in contract["layers"]]
        for higher, lower in itertools.pairwise(levels):
            yield from itertools.product(lower, higher)
        for layer, level in zip(contract["layers"], levels, strict=True):
            if "|" in layer:
                yield from itertools.permutations(level, 2)


def forbidden_imports(copy: Path, contract: dict[str, Any]) -> list[tuple[str, str]]:
    """Importer and imported module of a few imports, one for each thing that the contract forbids."""
    match contract["type"]:
        case "layers":
            pairs = layers(contract)
        case "forbidden":
            pairs = itertools.product(
                [name for pattern in contract["source_modules"] for name in modules(copy, pattern)],
                [name for pattern in contract["forbidden_modules"] for name in modules(copy, pattern)],
            )
        case "independence":
            pairs = itertools.permutations(
                [name for pattern in contract["modules"] for name in modules(copy, pattern)], 2
            )
        case other:
            raise NotImplementedError(f"{contract['name']}: this test knows no contract of the type {other}")
    return [(importer, imported) for importer, imported in pairs if source_file(copy, importer).exists()]


def test_the_contracts_are_kept(pristine: Path) -> None:
    report = lint(pristine)
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken." in report, report


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract["name"])
def test_a_contract_finds_what_it_forbids(pristine: Path, tmp_path: Path, contract: dict[str, Any]) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(pristine, copy)
    forbidden = forbidden_imports(copy, contract)
    assert forbidden
    for importer, imported in forbidden:
        with source_file(copy, importer).open("a", encoding="utf-8") as source:
            source.write(f"\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import {imported}\n")
    report = lint(copy)
    assert f"\n{contract['name']} BROKEN" in report, report
    _, _, broken = report.partition("Broken contracts")
    _, _, found = broken.partition(f"\n{contract['name']}\n")
    found = re.split(r"\n(?=.+\n-+\n)", found, maxsplit=1)[0]
    missed = [f"{a} -> {b}" for a, b in forbidden if not re.search(rf"\b{re.escape(a)} -> {re.escape(b)} \(", found)]
    assert not missed, report
