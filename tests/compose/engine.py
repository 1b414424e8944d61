"""The container engine of this machine: Docker with its compose plugin, or Podman with podman-compose."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_stack.config import REPOSITORY

TABLES = Path(__file__).with_name("tables.py")
"""A script for `Project.python`."""

_BASE_IMAGE = os.environ.get("PYTHON_IMAGE", "docker.io/library/python:3.11-slim-bookworm")
"""That of the images, as docker-compose.yaml has it."""


class EngineError(Exception):
    """A container command failed; the text is one line."""


@dataclass(frozen=True)
class Engine:
    """How to run containers here.

    Attributes:
        program: docker or podman.
        compose: the compose command.
        build_options: what a build needs here.
    """

    program: str
    compose: tuple[str, ...]
    build_options: tuple[str, ...]

    @classmethod
    def find(cls) -> "Engine | None":
        """Return the engine that answers, if any."""
        if _works("docker", "info") and _works("docker", "compose", "version"):
            return cls("docker", ("docker", "compose"), ())
        if _works("podman", "info") and shutil.which("podman-compose"):
            # In the host's network, a build reaches package indexes the way the host does.
            return cls("podman", ("podman-compose", "--podman-build-args=--network=host"), ("--network=host",))
        return None

    def try_out(self) -> None:
        """Run a container, for an engine may answer where containers cannot be run.

        Raises:
            EngineError: it did not run.
        """
        self.run("run", "--rm", _BASE_IMAGE, "python", "--version")

    def run(self, *arguments: str, **options: Any) -> str:
        """Run a command of the engine and return its output."""
        return run([self.program, *arguments], **options)

    def logs(self, container: str) -> str:
        """What a container has said so far, on both its outputs."""
        command = [self.program, "logs", container]
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False).stdout


class Project:
    """The compose file under a project name of its own, with its own .env, volumes and port.

    Args:
        engine: of this machine.
        name: of the project.
        env_file: its .env.
    """

    def __init__(self, engine: Engine, name: str, env_file: Path) -> None:
        self.engine = engine
        self._name = name
        self._command = [*engine.compose, "--project-name", name, "--env-file", str(env_file)]

    def compose(self, *arguments: str, **options: Any) -> str:
        """Run a compose command and return its output."""
        return run([*self._command, *arguments], **options)

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start a compose command whose end is not waited for."""
        return subprocess.Popen(
            [*self._command, *arguments],
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def containers(self) -> Mapping[str, str]:
        """The container's id of each service that has one; one that is removed meanwhile is left out."""
        label = f"label=com.docker.compose.project={self._name}"
        ids = self.engine.run("ps", "--all", "--quiet", "--no-trunc", "--filter", label).split()
        if not ids:
            return {}
        form = '{{index .Config.Labels "com.docker.compose.service"}} {{.Id}}'
        command = [self.engine.program, "inspect", "--format", form, *ids]
        found = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        return dict(line.split() for line in found.splitlines())

    def pid(self, service: str) -> int:
        """The process of a service's container as this machine numbers it; 0 while it does not run."""
        (found,) = json.loads(self.engine.run("inspect", self.containers()[service]))
        return int(found["State"]["Pid"]) if found["State"]["Running"] else 0

    def kill(self, service: str) -> int:
        """SIGKILL the process of a service, as a crash would, and return its number.

        The engine's own kill command counts as a wish to stop it, after which nothing is started again.
        """
        number = self.pid(service)
        try:
            os.kill(number, signal.SIGKILL)
        except PermissionError:
            image = json.loads(self.engine.run("inspect", self.containers()[service]))[0]["Image"]
            killer = ("--rm", "--pid=host", "--user=0", "--entrypoint=kill", image, "-9", str(number))
            self.engine.run("run", "--privileged", *killer)
        return number

    def freeze(self, service: str) -> int:
        """SIGSTOP what a service's process runs, as if it hung, and return the process's number."""
        children = "open('/proc/1/task/1/children').read().split()"
        stop = f"import os, signal; [os.kill(int(child), signal.SIGSTOP) for child in {children}]"
        self.engine.run("exec", self.containers()[service], "python", "-c", stop)
        return self.pid(service)

    def python(self, service: str, script: Path, *arguments: str) -> str:
        """Run a script of this repository inside a service's container and return its output."""
        command = [self.engine.program, "exec", "--interactive", self.containers()[service], "python", "-"]
        return run([*command, *arguments], input=script.read_text(encoding="utf-8"))

    def module(self, service: str, *arguments: str) -> str:
        """Run a Python module inside a service's container and return its output."""
        return self.engine.run("exec", self.containers()[service], "python", "-m", *arguments)


def run(command: Sequence[str], **options: Any) -> str:
    """Run a command in the repository and return its output.

    Raises:
        EngineError: its exit code is not 0.
    """
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=1800, **options)
    if done.returncode:
        said = [line for line in (done.stderr or done.stdout).strip().splitlines() if line.strip()]
        raise EngineError(f"{' '.join(command[:6])} ... failed ({done.returncode}): {' | '.join(said[-3:])}")
    return done.stdout


def _works(*command: str) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True, check=False, timeout=120).returncode == 0
