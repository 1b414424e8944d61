"""The Terraform module, run by Terraform itself against the stand-in for the provider."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.unit.deploy.provider import serving

MODULE = Path(__file__).parents[3] / "deploy" / "terraform"


@dataclass(frozen=True)
class Applied:
    """What an apply has made.

    Attributes:
        resources: of each resource its type, `values`, and `depends_on`, by its address.
        outputs: values by name.
    """

    resources: Mapping[str, Mapping[str, Any]]
    outputs: Mapping[str, Any]

    def of(self, kind: str) -> list[Mapping[str, Any]]:
        """Return the values of all resources of a type."""
        return [one["values"] for one in self.resources.values() if one["type"] == kind]

    @cached_property
    def settings(self) -> Mapping[str, str]:
        """Return the output `settings`."""
        return dict(self.outputs["settings"])


class Module:
    """A copy of the module in a folder of its own, initialised."""

    def __init__(self, folder: Path, reattach: str) -> None:
        self.folder = folder
        shutil.copytree(MODULE, folder, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*", "*.tfvars"))
        configuration = folder / "terraform.rc"
        configuration.touch()
        # Nothing of the user's Terraform, and no word with its servers.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
        self.environment = kept | {
            "CHECKPOINT_DISABLE": "1",
            "TF_CLI_CONFIG_FILE": str(configuration),
            "TF_IN_AUTOMATION": "1",
            "TF_REATTACH_PROVIDERS": reattach,
        }
        self.run("init", "-input=false")

    def run(self, *arguments: str, fails: bool = False) -> str:
        """Run a command of Terraform that succeeds, or fails; return what it prints, or its errors in one line."""
        done = subprocess.run(
            ["terraform", *arguments, *(["-no-color"] if arguments[0] != "show" else [])],
            cwd=self.folder,
            env=self.environment,
            text=True,
            capture_output=True,
            timeout=300,
        )
        assert (done.returncode != 0) is fails, done.stdout + done.stderr
        return " ".join(done.stderr.replace("│", " ").split()) if fails else done.stdout

    def apply(self, *arguments: str) -> Applied:
        """Apply the module to an empty project."""
        state = self.folder / "terraform.tfstate"
        state.unlink(missing_ok=True)
        self.run("apply", "-auto-approve", "-input=false", *arguments)
        values = json.loads(self.run("show", "-json", str(state)))["values"]
        return Applied(
            {one["address"]: one for one in values["root_module"]["resources"]},
            {name: output["value"] for name, output in values["outputs"].items()},
        )


@contextmanager
def initialised(folder: Path) -> Iterator[Module]:
    """Copy and initialise the module while the stand-in serves."""
    with serving() as reattach:
        yield Module(folder, reattach)
