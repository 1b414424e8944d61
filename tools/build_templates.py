"""``make templates``: build the image of every Dataflow job, and write the container spec of its Flex Template.

The specs go to build/templates/JOB.json; the DAG `provision` uploads the same ones to the bucket. Images and specs
are named by LOGLINE_PROJECT, LOGLINE_REGION, LOGLINE_BUCKET, LOGLINE_IMAGE_REPOSITORY and LOGLINE_IMAGE_VERSION; with
``--push`` (make templates PUSH=1) the images go to their repository. Options after ``--`` go to the image build.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from logline.dataflow.templates import container_spec
from logline.settings import Settings, SettingsError

ROOT = Path(__file__).parents[1]


def main() -> int:
    """Build the images, write the specs, push if asked; return the exit code."""
    parser = argparse.ArgumentParser(prog="python tools/build_templates.py", description=__doc__)
    parser.add_argument("--push", action="store_true", help="push the images to their repository")
    parser.add_argument("--engine", default=find_engine(), help="docker or podman")
    parser.add_argument("build_options", nargs="*", help="options of the image build")
    given = parser.parse_args()
    if given.engine is None:
        print("error: neither Docker nor Podman answers: install one, or start it", file=sys.stderr)
        return 1
    try:
        settings = Settings.from_environment()
    except SettingsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    folder = ROOT / "build" / "templates"
    folder.mkdir(parents=True, exist_ok=True)
    for metadata in sorted((ROOT / "dags" / "templates").glob("*.json")):
        image = settings.image(metadata.stem)
        build = ["build", "--file", "docker/beam.Dockerfile", "--target", metadata.stem, "--tag", image]
        commands = [[given.engine, *build, *given.build_options, "."], *([[given.engine, "push", image]] * given.push)]
        for command in commands:
            if (code := subprocess.run(command, cwd=ROOT, check=False).returncode) != 0:
                print(f"error: {' '.join(command[:2])} of {image} failed, see above", file=sys.stderr)
                return code
        spec = folder / metadata.name
        spec.write_text(container_spec(settings, metadata) + "\n", encoding="utf-8")
        print(f"{image}  {spec.relative_to(ROOT)}")
    print("The DAG provision uploads the same specs to the bucket.")
    return 0


def find_engine() -> str | None:
    """Return the first container engine that answers."""
    for name in ("docker", "podman"):
        if shutil.which(name) and subprocess.run([name, "info"], capture_output=True, check=False).returncode == 0:
            return name
    return None


if __name__ == "__main__":
    sys.exit(main())
