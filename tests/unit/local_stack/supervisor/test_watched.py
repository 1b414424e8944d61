"""How a component's process is started: forked where that is possible, else a new one."""

import contextlib
import dataclasses
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from emulators.dataflow.process.launcher import Launcher
from local_stack.config import PORTS, StackConfig
from local_stack.supervisor.components import Component
from local_stack.supervisor.watched import Watched

ZYGOTE = """
import os, signal, sys
from emulators.dataflow.process import exit_recorder
from emulators.dataflow.process.zygote import redirect, run, serve
def become(command, log, record=""):
    os.setsid()
    redirect(log, log)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if record and (program := os.fork()):
        exit_recorder.watch(record, program)
    return command
command = serve(["json", "gated", "last"], become, "", ready_after="json")
if command is None:
    os._exit(0)
run(command)
"""


def stepped(watched: Watched, check: Callable[[], bool]) -> None:
    """Let the component take its steps until the check holds."""
    deadline = time.monotonic() + 60
    while not check():
        assert time.monotonic() < deadline, watched.state
        watched.step(set())
        time.sleep(0.02)


@pytest.fixture
def config(tmp_path: Path) -> StackConfig:
    return StackConfig(state_dir=tmp_path, ports={name: port.default for name, port in PORTS.items()})


@pytest.fixture
def component(tmp_path: Path) -> Component:
    """A part that says whether it was forked: whether what it does not import itself is there."""
    (tmp_path / "part.log").touch()
    module = tmp_path / "part.py"
    module.write_text("import sys, time\nprint('json' in sys.modules, sys.argv[1:], flush=True)\ntime.sleep(600)\n")
    for name in ("gated.py", "last.py"):
        (tmp_path / name).touch()
    return Component(
        name="part",
        label="Part",
        argv=(sys.executable, "-m", "part", "--option"),
        log=tmp_path / "part.log",
        probe=lambda _: "]" in (tmp_path / "part.log").read_text(),
        timeout=60,
        forked=True,
    )


@contextlib.contextmanager
def watching(config: StackConfig, component: Component, zygote: list[str]) -> Iterator[Watched]:
    search = os.pathsep.join((str(Path.cwd()), str(config.state_dir)))
    launcher = Launcher(zygote, config.state_dir, {**os.environ, "PYTHONPATH": search})
    launcher.start()
    watched = Watched(component, config, launcher)
    try:
        yield watched
    finally:
        launcher.stop()
        if leader := watched.leader():
            with contextlib.suppress(psutil.NoSuchProcess):
                psutil.Process(leader).kill()


def test_a_part_is_forked_first_and_a_new_process_after_it_died(
    config: StackConfig, component: Component, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(config.state_dir))
    with watching(config, component, [sys.executable, "-c", ZYGOTE]) as watched:
        stepped(watched, lambda: watched.ready)
        first = watched.state.pid
        assert first is not None
        assert first == watched.leader() == os.getsid(first)
        assert component.log.read_text() == "True ['--option']\n"
        psutil.Process(first).kill()
        stepped(watched, lambda: not watched.ready)
        assert watched.state.message.startswith("Part ended: ")
        stepped(watched, lambda: watched.ready)
        assert watched.state.pid != first
        # The probe is content with what the first one wrote.
        stepped(watched, lambda: component.log.read_text().splitlines()[1:] == ["False ['--option']"])


@pytest.mark.parametrize("zygote", [[], ["/bin/false"], ["/no/such/program"]])
def test_a_part_that_cannot_be_forked_is_a_new_process(
    config: StackConfig, component: Component, monkeypatch: pytest.MonkeyPatch, zygote: list[str]
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(config.state_dir))
    with watching(config, component, zygote) as watched:
        stepped(watched, lambda: watched.ready)
        assert component.log.read_text() == "False ['--option']\n"


@pytest.mark.parametrize(("code", "status"), [(0, "done"), (3, "restarting")])
def test_a_part_that_has_to_end_is_forked_too(
    config: StackConfig, component: Component, code: int, status: str
) -> None:
    (config.state_dir / "part.py").write_text(f"import sys\nprint('json' in sys.modules)\nsys.exit({code})\n")
    component = dataclasses.replace(component, probe=None)
    with watching(config, component, [sys.executable, "-c", ZYGOTE]) as watched:
        stepped(watched, lambda: watched.state.status not in ("waiting", "starting"))
        assert (watched.state.status, watched.state.pid) == (status, None)
        assert component.log.read_text() == "True\n"
        assert watched.state.message.startswith(f"Part ended with exit code {code}: " if code else "")


@pytest.mark.parametrize(("imported", "others"), [("gated", False), ("last", True), ("", True)])
def test_a_part_is_forked_when_what_it_waits_for_is_imported(
    config: StackConfig, component: Component, imported: str, others: bool
) -> None:
    gate = config.state_dir / "gate"
    (config.state_dir / "gated.py").write_text(
        f"import pathlib, time\nwhile not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.01)\n"
    )
    (config.state_dir / "part.py").write_text("import sys\nprint('gated' in sys.modules, 'last' in sys.modules)\n")
    component = dataclasses.replace(component, probe=None, imported=imported)
    with watching(config, component, [sys.executable, "-c", ZYGOTE]) as watched:
        stepped(watched, lambda: bool(watched._fork and watched._fork.tries))
        gate.touch()
        stepped(watched, lambda: watched.ready)
    assert component.log.read_text() == f"True {others}\n"
