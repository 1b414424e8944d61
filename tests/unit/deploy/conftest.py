import shutil
from collections.abc import Iterator

import pytest

from tests.unit.deploy.module import Applied, Module, initialised


@pytest.fixture(scope="session")
def module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Module]:
    if shutil.which("terraform") is None:
        pytest.skip("needs terraform")
    with initialised(tmp_path_factory.mktemp("terraform") / "module") as copy:
        yield copy


@pytest.fixture(scope="session")
def applied(module: Module) -> Applied:
    """The module with one variable, the project."""
    return module.apply("-var=project=my-project")


@pytest.fixture(scope="session")
def everything(module: Module) -> Applied:
    """The module with all that the example shows, and what it leaves out."""
    example = (module.folder / "terraform.tfvars.example").read_text(encoding="utf-8")
    shown = [line.removeprefix("# ") for line in example.splitlines() if "=" in line]
    (module.folder / "example.tfvars").write_text("\n".join(shown), encoding="utf-8")
    return module.apply("-var-file=example.tfvars", "-var=nat=true", "-var=log_retention_days=400")
