"""What is inside the images: no secret, no compiler, no root, and each does its work by itself."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from emulators.guard.authorized_user import authorized_user
from local_stack.config import REPOSITORY
from local_stack.waiting import wait_for
from logline.settings import Settings
from tests.compose.engine import TABLES, Engine, EngineError, Project
from tests.integration.submission.posting import METADATA, launch_options

SETTINGS = Settings.from_environment({"LOGLINE_PROJECT": "logline-local", "LOGLINE_BUCKET": "logline-local"})
REPLAYED = f"{SETTINGS.staging_dataset}.contract"
PARAMETERS: Mapping[str, Mapping[str, str]] = {
    "backfill": {
        "source": f"gs://{SETTINGS.bucket}/logs/2026-11-01/*",
        "output": f"gs://{SETTINGS.bucket}/staging/contract",
        "run_id": "contract",
    },
    "replay": {
        "lines": f"{SETTINGS.project}.{REPLAYED}",
        "output": f"gs://{SETTINGS.bucket}/staging/contract-replay",
        "run_id": "contract",
    },
    "stream": {"subscription": SETTINGS.subscription_path, "dataset": f"{SETTINGS.project}.{SETTINGS.dataset}"},
}
"""A launch of each job, against what provision makes."""

STANDINS = Path(__file__).with_name("standins")
_LOOK_INSIDE = r"""
for tool in gcc g++ cc c++ clang ld as make cmake go rustc cargo javac; do
  command -v "$tool" && echo "compiler: $tool"
done
find / -xdev \( -name '.env' -o -name '*.pem.key' -o -name 'id_rsa*' -o -name 'credentials.json' \
  -o -name 'application_default_credentials.json' -o -name 'pip.conf' -o -name '.netrc' -o -name 'uv.toml' \) \
  -not -path '/proc/*' 2>/dev/null | sed 's/^/file: /'
true
"""
_PARSE = ("-m", "beam_jobs.compile_parser")
_PARSE_DAGS = """
import importlib.util
assert importlib.util.find_spec('apache_beam') is None, 'Beam is installed'
from airflow.dag_processing.dagbag import DagBag
bag = DagBag()
assert not bag.import_errors, bag.import_errors
print(','.join(sorted(bag.dags)))
"""


def check_images(engine: Engine, secrets: Mapping[str, str], tell: Callable[[str], None]) -> None:
    """Build the image of every Dataflow job, look into all images, and parse the DAGs without Beam.

    Raises:
        EngineError: an image cannot be built, or holds what it must not.
    """
    standins = "localhost/logline-standins:test"
    engine.run("build", *engine.build_options, "--tag", standins, str(STANDINS))
    given = {name: os.environ.get(name, standins) for name in ("BEAM_SDK_IMAGE", "LAUNCHER_IMAGE")}
    arguments = [f"--build-arg={name}={image}" for name, image in given.items()]
    for job in METADATA:
        options = ["--file", "docker/beam.Dockerfile", "--target", job, "--tag", image_of(job)]
        engine.run("build", *engine.build_options, *arguments, *options, ".")
    for image in ("logline-airflow:test", "logline-emulators:test", *map(image_of, METADATA)):
        _look_inside(engine, image, secrets, tell)
    said = engine.run("run", "--rm", "--env=NUMBA_DEBUG_CACHE=1", "--entrypoint=python", image_of("backfill"), *_PARSE)
    compiled = [line for line in said.splitlines() if "data saved to" in line]
    if compiled or "data loaded from" not in said:
        raise EngineError(f"a worker compiles the parser: {compiled or 'it has none'}")
    tell(f"    the parser is compiled in the images of the jobs ({said.count('data loaded from')} functions)")
    environment = ["--env=LOGLINE_PROJECT=logline-local", "--env=LOGLINE_BUCKET=logline-local"]
    environment.append("--env=AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT=300")
    python = ["run", "--rm", *environment, "--entrypoint=python", "logline-airflow:test", "-c"]
    dags = engine.run(*python, _PARSE_DAGS).strip().splitlines()[-1].split(",")
    if dags != dag_ids():
        raise EngineError(f"without Beam the Airflow image parses {dags}, not {dag_ids()}")
    tell(f"    {len(dags)} DAGs parse in the Airflow image, which has no Beam")


def dag_ids() -> list[str]:
    """The ids of all DAGs, each that of its file."""
    return sorted(path.stem for path in (REPOSITORY / "dags").glob("[!_]*.py"))


def image_of(job: str) -> str:
    """The image of a Dataflow job."""
    return f"localhost/logline-{job}:test"


def check_launches(project: Project, folder: Path, token: str, tell: Callable[[str], None]) -> None:
    """Launch every job from its image, as Google's launcher does.

    Each is submitted, up to `jobs.create` of the Dataflow emulator; then each runs in its image as an ordinary user:
    backfill and replay to their end with a local runner, the stream until it is told to drain.

    Args:
        project: That is up.
        folder: For a file.
        token: Of its Dataflow emulator.
        tell: Takes lines for the user.

    Raises:
        EngineError: one of them fails.
    """
    engine = project.engine
    (found,) = json.loads(engine.run("inspect", project.containers()["dataflow"]))
    ((network, place),) = found["NetworkSettings"]["Networks"].items()
    ours = ("STORAGE_", "BIGQUERY_", "PUBSUB_", "GOOGLE_CLOUD_PROJECT", "NO_GCE_CHECK")
    environment = [f"--env={one}" for one in found["Config"]["Env"] if one.startswith(ours)]
    # Beam speaks without TLS where the name begins with localhost; the emulator takes names that end in it.
    launch = [f"--network={network}", f"--add-host=localhost.localhost:{place['IPAddress']}", *environment]
    credentials = folder / "credentials.json"
    credentials.write_text(json.dumps(authorized_user(token)), encoding="utf-8")
    launch += [f"--volume={credentials}:/run/credentials.json:ro"]
    launch.append("--env=GOOGLE_APPLICATION_CREDENTIALS=/run/credentials.json")
    launch.append("--entrypoint=/opt/google/dataflow/python_template_launcher")
    for job in METADATA:
        options = launch_options(SETTINGS, job, PARAMETERS[job], runner="DataflowRunner")
        options.append("--dataflow_endpoint=http://localhost.localhost:9070")
        engine.run("run", "--rm", *launch, image_of(job), *options)
    tell(f"    {', '.join(METADATA)} are submitted by their images")

    lines = json.loads(project.python("dataflow", TABLES, "replayable", SETTINGS.dataset, REPLAYED))
    launch.append("--user=1000")
    for job in ("backfill", "replay"):
        options = launch_options(SETTINGS, job, PARAMETERS[job], runner="FnApiRunner")
        engine.run("run", "--rm", *launch, image_of(job), *options)
    options = launch_options(SETTINGS, "stream", PARAMETERS["stream"], runner="FnApiRunner")
    _stream_and_drain(engine, [*launch, image_of("stream"), *options])
    tell(f"    a day of files, {lines} rejected lines and the stream run in the images")


def _stream_and_drain(engine: Engine, arguments: Sequence[str]) -> None:
    container = engine.run("run", "--detach", *arguments).strip()

    def streams() -> bool:
        if not json.loads(engine.run("inspect", container))[0]["State"]["Running"]:
            raise EngineError(f"the stream's image ended: {engine.logs(container).strip()[-500:]}")
        return "streaming from" in engine.logs(container)

    try:
        wait_for(streams, seconds=300, what="the stream in its image", pause=1)
        engine.run("kill", "--signal=INT", container)
        if (code := engine.run("wait", container).strip()) != "0" or "drained: " not in engine.logs(container):
            raise EngineError(f"told to drain, the stream's image ended with {code}: {engine.logs(container)[-500:]}")
    finally:
        engine.run("rm", "--force", container)


def _look_inside(engine: Engine, image: str, secrets: Mapping[str, str], tell: Callable[[str], None]) -> None:
    (found,) = json.loads(engine.run("inspect", image))
    faults = engine.run("run", "--rm", "--user=0", "--entrypoint=sh", image, "-c", _LOOK_INSIDE).split("\n")
    faults = [line for line in faults if line.startswith(("compiler: ", "file: "))]
    told = json.dumps(found["Config"]) + engine.run("history", "--no-trunc", image)
    faults += [f"the value of {name}" for name, value in secrets.items() if len(value) > 12 and value in told]
    jobs = {image_of(job): job for job in METADATA}
    is_job = image in jobs
    entry_point = f"FLEX_TEMPLATE_PYTHON_PY_FILE=/template/beam_jobs/{jobs.get(image)}/__main__.py"
    if is_job and entry_point not in found["Config"]["Env"]:
        faults.append("the entry point of another job")
    if not is_job and found["Config"].get("User") in (None, "", "0", "root"):
        faults.append("it runs as root")
    if faults:
        raise EngineError(f"{image} holds what it must not: {', '.join(faults)}")
    tell(f"    {image}: {found['Size'] / 1e6:,.0f} MB, no secret, no compiler")
