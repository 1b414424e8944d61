"""The emulators as distributions of their own: installed from their wheels, used as their READMEs say."""

import ast
import json
import re
import shlex
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.installation import ROOT, UV, bare_environment, built, copied, installed, run

pytestmark = pytest.mark.integration

NAMES = ("pubsub-emulator", "dataflow-emulator")
BUILT_FROM = (
    *("LICENSE", "emulators", "tools/__init__.py", "tools/standalone_package.py"),
    *(f"packages/{name}/{file}" for name in NAMES for file in ("README.md", "pyproject.toml", "setup.py")),
)
HERE_ALONE = {"apache_beam", "airflow", "beam_jobs", "dags", "emulators", "local_stack", "logline", "plugins", "tools"}
"""Top-level modules that nothing in a wheel may import."""


@dataclass(frozen=True)
class Distribution:
    """A wheel, and the programs of a bare environment that has it and pytest."""

    readme: str
    wheel: Path
    programs: Path

    def blocks(self, language: str) -> list[str]:
        """The code blocks of the README in a language."""
        return re.findall(rf"```{language}\n(.*?)```", self.readme, re.DOTALL)

    def run(self, *arguments: str, folder: Path, environment: dict[str, str]) -> str:
        command = [self.programs / "python", *arguments]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def started(self, *options: str, folder: Path) -> Iterator[dict[str, str]]:
        """Run the README's command on free ports until SIGKILL; yields the environment of the lines that it prints."""
        command = shlex.split(self.blocks("bash")[0].splitlines()[-1])
        command[0] = str(self.programs / command[0])
        with subprocess.Popen(
            [*command, *options], cwd=folder, env=bare_environment(), stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                assert process.stdout
                printed = iter(process.stdout.readline, "")
                names = re.findall(r"export (\w+)=", self.blocks("bash")[1])
                assert "listening" in (line := next(printed)) or "REST on" in line
                lines = [next(printed) for _ in names]
                exported = dict(shlex.split(line)[1].split("=", 1) for line in lines)
                assert list(exported) == names
                yield bare_environment() | exported
            finally:
                process.send_signal(signal.SIGKILL)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the distributions are built from."""
    return copied(BUILT_FROM, tmp_path_factory.mktemp("standalone") / "tree")


def distribution(name: str, tree: Path, folder: Path) -> Distribution:
    project = tree / "packages" / name
    # By way of the source distribution, which so is proven to hold all that the wheel is made of.
    wheel = built(project)
    readme = (project / "README.md").read_text(encoding="utf-8")
    return Distribution(readme, wheel, installed(wheel, "pytest", folder=folder))


@pytest.fixture(scope="module")
def pubsub(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Distribution:
    return distribution("pubsub-emulator", tree, tmp_path_factory.mktemp("pubsub"))


@pytest.fixture(scope="module")
def dataflow(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Distribution:
    return distribution("dataflow-emulator", tree, tmp_path_factory.mktemp("dataflow"))


def check_contents(wheel: Path, packages: dict[str, str], modules: Iterable[str] = ()) -> None:
    """A wheel holds every module of these packages, these modules, and nothing of the repository's."""
    expected = {
        path.relative_to(ROOT / folder).as_posix()
        if not name
        else f"{name}/{path.relative_to(ROOT / folder).as_posix()}"
        for folder, name in packages.items()
        for path in (ROOT / folder).rglob("*.py")
    } | set(modules)
    with zipfile.ZipFile(wheel) as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    assert {name for name in files if name.endswith(".py")} == expected
    assert not [name for name, text in files.items() if "logline" in f"{name}{text}".lower()]
    for name in expected:
        assert not imported(files[name]) & HERE_ALONE, name


def imported(source: str) -> set[str]:
    """The top-level modules that a module imports."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
        elif isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
    return found


def test_the_wheel_of_pubsub_holds_the_emulator_alone(pubsub: Distribution) -> None:
    check_contents(pubsub.wheel, {"emulators/pubsub": "pubsub_emulator", "emulators/guard": "pubsub_emulator/guard"})


def test_the_wheel_of_dataflow_holds_the_emulator_alone(dataflow: Distribution, tmp_path: Path) -> None:
    packages = {"emulators/dataflow": "dataflow_emulator", "emulators/guard": "dataflow_emulator/guard"}
    check_contents(dataflow.wheel, packages, ["dataflow_emulator/clock.py"])
    python = dataflow.programs / "python"
    names = run(UV, "pip", "list", "--python", python, "--format", "freeze", folder=tmp_path)
    assert "apache-beam" not in names


def test_the_first_minute_of_pubsub(pubsub: Distribution, tmp_path: Path) -> None:
    publish, receive, _ = pubsub.blocks("python")
    with pubsub.started("--port=0", folder=tmp_path) as environment:
        assert pubsub.run("-c", publish, folder=tmp_path, environment=environment).count("published") == 3
    with pubsub.started("--port=0", folder=tmp_path) as environment:
        printed = pubsub.run("-c", receive, folder=tmp_path, environment=environment)
    assert f"```\n{printed}```" in pubsub.readme


def test_the_first_minute_of_dataflow(dataflow: Distribution, tmp_path: Path) -> None:
    launch, look, _ = dataflow.blocks("python")
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "wordcount.json").write_text(dataflow.blocks("json")[0])
    (tmp_path / "launch.py").write_text(launch)
    # Beam is in the environment of the tests alone.
    options = ("--port=0", "--grpc-port=0", f"--python={sys.executable}")
    with dataflow.started(*options, folder=tmp_path) as environment:
        printed = dataflow.run("launch.py", folder=tmp_path, environment=environment)
    assert f"```\n{printed}```" in dataflow.readme
    assert "launch: 3" in (tmp_path / "counts-00000-of-00001").read_text().splitlines()
    with dataflow.started(*options, folder=tmp_path) as environment:
        assert dataflow.run("-c", look, folder=tmp_path, environment=environment) == printed


PUBSUB_TESTS = """

def test_it_is_empty(pubsub_emulator):
    publisher = pubsub_v1.PublisherClient()
    assert list(publisher.list_topics(project=f"projects/{pubsub_emulator.project}")) == []


def test_its_settings(pubsub_emulator, pubsub_emulator_session, monkeypatch):
    assert pubsub_emulator is pubsub_emulator_session
    assert pubsub_emulator.project == "of-the-settings"
"""


def test_a_test_project_uses_the_fixture_of_pubsub(pubsub: Distribution, tmp_path: Path) -> None:
    (tmp_path / "test_orders.py").write_text(pubsub.blocks("python")[-1] + PUBSUB_TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\npubsub_emulator_project = of-the-settings\n")
    (tmp_path / "queue.py").write_text("raise ImportError('the module of a test project')\n")
    printed = pubsub.run(
        "-P", "-m", "pytest", "--import-mode=importlib", folder=tmp_path, environment=bare_environment()
    )
    assert " 3 passed" in printed


GREETING = """
import signal, sys
print("Hello", *sys.argv[1:], flush=True)
if "--forever=true" in sys.argv:
    signal.pause()
"""
GREETING_SPEC = {
    "image": "registry.example/jobs/greeting:1.0",
    "metadata": {
        "name": "greeting",
        "parameters": [{"name": "forever", "label": "forever", "helpText": "never end", "isOptional": True}],
    },
}
DATAFLOW_TESTS = """
import os
import time

import pytest
from google.cloud import dataflow_v1beta3 as dataflow


@pytest.fixture
def clients(dataflow_emulator):
    options = {"api_endpoint": dataflow_emulator.endpoint}
    with (
        dataflow.JobsV1Beta3Client(transport="rest", client_options=options) as jobs,
        dataflow.FlexTemplatesServiceClient(transport="rest", client_options=options) as templates,
    ):
        yield jobs, templates


@pytest.mark.parametrize("again", range(2))
def test_a_job(dataflow_emulator, clients, again):
    jobs, templates = clients
    where = {"project_id": dataflow_emulator.project, "location": "us-central1"}
    launch = {"container_spec_gcs_path": "gs://templates/greeting.json"}
    forever = {"job_name": "forever", "parameters": {"forever": "true"}}
    templates.launch_flex_template({**where, "launch_parameter": launch | forever})
    job = templates.launch_flex_template({**where, "launch_parameter": launch | {"job_name": "greets"}}).job
    while (state := jobs.get_job({**where, "job_id": job.id}).current_state.name) != "JOB_STATE_DONE":
        assert state != "JOB_STATE_FAILED"
        time.sleep(0.1)
    printed = (dataflow_emulator.state_dir / "jobs" / job.id / "stdout.log").read_text()
    assert printed.startswith("Hello --runner=FnApiRunner")
    assert "--temp_location=tmp" in printed.split()
"""


def test_a_test_project_uses_the_fixture_of_dataflow(dataflow: Distribution, tmp_path: Path) -> None:
    """The second job `forever` could not be launched if the first were still active."""
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "greeting.json").write_text(json.dumps(GREETING_SPEC))
    (tmp_path / "greeting.py").write_text(GREETING)
    (tmp_path / "conftest.py").write_text(dataflow.blocks("python")[-1])
    (tmp_path / "test_jobs.py").write_text(DATAFLOW_TESTS)
    environment = bare_environment() | {"DATAFLOW_EMULATOR_TOKEN": "of another emulator"}
    assert " 2 passed" in dataflow.run("-m", "pytest", folder=tmp_path, environment=environment)


INTERRUPTED = """
import os
import signal


def test_interrupted({fixture}):
    os.killpg(0, signal.SIGINT)
    signal.pause()
"""


@pytest.mark.parametrize("name", ["pubsub", "dataflow"])
def test_ctrl_c_ends_the_tests_before_the_emulator(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    distribution: Distribution = request.getfixturevalue(name)
    (tmp_path / "specs").mkdir()
    if name == "dataflow":
        (tmp_path / "conftest.py").write_text(distribution.blocks("python")[-1])
    (tmp_path / "test_it.py").write_text(INTERRUPTED.format(fixture=f"{name}_emulator"))
    command = [distribution.programs / "python", "-m", "pytest"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=bare_environment(),
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )
    assert done.returncode == pytest.ExitCode.INTERRUPTED
    assert "Error" not in done.stdout + done.stderr


def test_a_test_project_that_names_no_templates_is_told_how(dataflow: Distribution, tmp_path: Path) -> None:
    (tmp_path / "test_jobs.py").write_text("def test_a_job(dataflow_emulator):\n    pass\n")
    command = [dataflow.programs / "python", "-m", "pytest"]
    done = subprocess.run(command, cwd=tmp_path, env=bare_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "define the session fixture dataflow_emulator_options" in done.stdout
