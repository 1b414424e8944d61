"""What is inside the images: no secret, no compiler, no root, and each does its work by itself."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from local_stack.config import REPOSITORY
from tests.compose.engine import Engine, EngineError
from tests.integration.submission.posting import METADATA

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
_PARSE_DAGS = """
import importlib.util
assert importlib.util.find_spec('apache_beam') is None, 'Beam is installed'
from airflow.dag_processing.dagbag import DagBag
bag = DagBag()
assert not bag.import_errors, bag.import_errors
print(','.join(sorted(bag.dags)))
"""

_COMPILED_AT_START = """
import sys
import beam_jobs.preload
modules = [module for name, module in sys.modules.items() if name.startswith('beam_jobs.')]
functions = {value for module in modules for value in vars(module).values() if hasattr(value, 'nopython_signatures')}
print(*(sum(sum(getattr(one.stats, what).values()) for one in functions) for what in ('cache_hits', 'cache_misses')))
"""


def check_images(engine: Engine, secrets: Mapping[str, str], tell: Callable[[str], None]) -> None:
    """Build the image of every Dataflow job, look into all images, and parse the DAGs without Beam.

    Raises:
        EngineError: an image cannot be built, or holds what it must not.
    """
    build_job_images(engine)
    for image in ("logline-airflow:test", "logline-emulators:test", *map(image_of, METADATA)):
        _look_inside(engine, image, secrets, tell)
    environment = ["--env=LOGLINE_PROJECT=logline-local", "--env=LOGLINE_BUCKET=logline-local"]
    environment.append("--env=AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT=300")
    python = ["run", "--rm", *environment, "--entrypoint=python", "logline-airflow:test", "-c"]
    dags = engine.run(*python, _PARSE_DAGS).strip().splitlines()[-1].split(",")
    if dags != dag_ids():
        raise EngineError(f"without Beam the Airflow image parses {dags}, not {dag_ids()}")
    tell(f"    {len(dags)} DAGs parse in the Airflow image, which has no Beam")
    check_machine_code(engine, tell)


def build_job_images(engine: Engine) -> None:
    """Build the image of every Dataflow job.

    Raises:
        EngineError: One cannot be built.
    """
    standins = "localhost/logline-standins:test"
    engine.run("build", *engine.build_options, "--tag", standins, str(STANDINS))
    given = {name: os.environ.get(name, standins) for name in ("BEAM_SDK_IMAGE", "LAUNCHER_IMAGE")}
    arguments = [f"--build-arg={name}={image}" for name, image in given.items()]
    for job in METADATA:
        options = ["--file", "docker/beam.Dockerfile", "--target", job, "--tag", image_of(job)]
        engine.run("build", *engine.build_options, *arguments, *options, ".")


def check_machine_code(engine: Engine, tell: Callable[[str], None]) -> None:
    """Check that the jobs find all their machine code in their image, whoever runs it.

    Raises:
        EngineError: something is compiled when a job starts.
    """
    for user in (0, 1000):
        run_python = ("run", "--rm", "--network=none", f"--user={user}", "--entrypoint=python", image_of("backfill"))
        loaded, compiled = map(int, engine.run(*run_python, "-c", _COMPILED_AT_START).split())
        if compiled or not loaded:
            raise EngineError(f"user {user} compiles {compiled} functions of the parser and finds {loaded}")
    tell("    the parser's machine code is in the image: nothing is compiled when a job starts")


def dag_ids() -> list[str]:
    """The ids of all DAGs, each that of its file."""
    return sorted(path.stem for path in (REPOSITORY / "dags").glob("[!_]*.py"))


def image_of(job: str) -> str:
    """The image of a Dataflow job."""
    return f"localhost/logline-{job}:test"


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
