"""What a launch may hand to its job."""

import argparse
from pathlib import Path
from typing import Any

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from emulators.dataflow.errors import ApiError
from emulators.dataflow.launch.beam_options import LAUNCH_OPTIONS, RESERVED_OPTIONS
from emulators.dataflow.launch.confinement import Confinement
from emulators.dataflow.launch.template import Template


def template(*names: str) -> Template:
    return Template.from_json({"image": "x", "metadata": {"parameters": [{"name": name} for name in names]}}, "here")


def refusal(confinement: Confinement, names: tuple[str, ...] = (), environment: Any = None, **parameters: str) -> str:
    """The status and message of the refusal; empty where there is none."""
    try:
        confinement.check(template(*(names or parameters)), parameters, environment or {})
    except ApiError as error:
        return f"{error.code} {error.message}"
    return ""


GCS_ONLY = Confinement(["templates"])


@pytest.mark.parametrize("uri", ["gs://templates/x.json", "gs://templates/a/b"])
def test_templates_of_known_buckets_are_launched(uri: str) -> None:
    GCS_ONLY.check_spec(uri)


@pytest.mark.parametrize("uri", ["gs://other/x.json", "gs://templates-2/x", "gs:///x", "/templates/x", "http://h/x"])
def test_other_templates_are_refused(uri: str) -> None:
    with pytest.raises(ApiError, match="launches templates of templates only"):
        GCS_ONLY.check_spec(uri)


def test_each_option_of_beam_is_either_the_launchs_or_the_emulators() -> None:
    named = set()
    for options in PipelineOptions.__subclasses__():
        if options.__module__.startswith("apache_beam."):
            parser = argparse.ArgumentParser(add_help=False, conflict_handler="resolve")
            options._add_argparse_args(parser)  # type: ignore[arg-type]
            named |= {name.lstrip("-") for action in parser._actions for name in action.option_strings}
    assert {name for name in named if "-" not in name} == LAUNCH_OPTIONS | RESERVED_OPTIONS | {"streaming"}
    assert not LAUNCH_OPTIONS & RESERVED_OPTIONS


@pytest.mark.parametrize(
    "name",
    [
        *("runner", "dataflow_endpoint", "setup_file", "extra_package", "extra_packages", "requirements_file"),
        *("sdk_location", "beam_plugins", "pickle_library", "environment_config", "worker_harness_container_image"),
        *("setup_file=/tmp/setup.py #", "setup-file", "-setup_file", "", "runner "),
    ],
)
def test_an_option_that_chooses_code_is_refused_though_the_metadata_names_it(name: str) -> None:
    said = refusal(GCS_ONLY, (name,), **{name: "x"})
    assert said.startswith("400 ")
    assert f"\n{name}: Refused: " in said


@pytest.mark.parametrize(
    "value",
    [
        *(
            "/etc/passwd",
            " /etc/passwd",
            "//etc/passwd",
            "/etc/*",
            "~/.ssh/id_rsa",
            "~root/x",
            "../x",
            "a/../../x",
            "..",
        ),
        *("file:///etc/passwd", "FILE:///etc/passwd", "file:/etc/passwd", "http://evil.example/x", "hdfs://h/x"),
        *("GS://b/o", "gs:/b/o", "s3://b/o", "gs\0://b/../x"),
    ],
)
def test_files_beside_cloud_storage_are_refused(value: str) -> None:
    assert "\nsource: Refused: " in refusal(GCS_ONLY, source=value)
    assert "\ntempLocation: Refused: " in refusal(GCS_ONLY, ("source",), {"tempLocation": value}, source="gs://b/o")


@pytest.mark.parametrize(
    "value",
    [
        *(
            "gs://b/o",
            "gs://b/logs/**",
            "combined",
            "",
            "true",
            "projects/p/subscriptions/s",
            "p.d.t",
            "p:d.t",
            "a/b.log",
        ),
        *('%h %l %u %t "%r" %>s %b', '$remote_addr - "$request" HTTP/1.1', "manual__2026-11-27T05:00:00+00:00_x"),
    ],
)
def test_other_values_pass(value: str) -> None:
    assert refusal(GCS_ONLY, source=value) == ""


def test_known_folders_can_be_used_but_no_way_out_of_them(tmp_path: Path) -> None:
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    (folder / "sub").mkdir(parents=True)
    outside.mkdir()
    (outside / "secret").touch()
    (folder / "link").symlink_to(outside)
    (folder / "sub" / ".hidden").symlink_to(outside / "secret")
    confinement = Confinement([], [folder])
    for good in (folder, folder / "new" / "file", folder / "new*"):
        assert refusal(confinement, source=str(good)) == ""
    for bad in (outside, tmp_path, folder / "link", folder / "link" / "secret", folder / "*", folder / "**", "~"):
        assert f"jobs may use those in {folder}; give gs://" in refusal(confinement, source=str(bad))
    assert "a path must not hold .." in refusal(confinement, source=f"{folder}/sub/..")


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"additionalPipelineOptions": ["--setup_file=gs://b/setup.py"]}, "neither a parameter of the template's"),
        ({"additionalPipelineOptions": ["--runner=DataflowRunner"]}, "neither a parameter of the template's"),
        ({"additionalPipelineOptions": ["--source=/etc/passwd"]}, "jobs may use those in no folder"),
        ({"additionalPipelineOptions": ["--temp_location=/etc"]}, "jobs may use those in no folder"),
        ({"additionalPipelineOptions": ["--setup_file", "/tmp/x"]}, "expected --name or --name=value"),
        ({"additionalPipelineOptions": ["-m"]}, "expected --name or --name=value"),
        ({"additionalPipelineOptions": ["@/etc/passwd"]}, "expected --name or --name=value"),
        ({"additionalExperiments": ["worker_jar=/tmp/x.jar"]}, "expected name or name=value"),
        ({"additionalExperiments": ["--setup_file=x"]}, "expected name or name=value"),
        ({"stagingLocation": "file:///tmp"}, "only gs:// is allowed, not file:"),
        ({"sdkContainerImage": "/tmp/image"}, "jobs may use those in no folder"),
    ],
)
def test_the_environment_is_checked_like_parameters(environment: dict[str, Any], reason: str) -> None:
    assert reason in refusal(GCS_ONLY, ("source",), environment, source="gs://b/o")


def test_the_environment_of_the_stacks_own_launches_passes() -> None:
    environment = {
        "additionalExperiments": ["use_runner_v2", "shuffle_mode=service"],
        "additionalPipelineOptions": ["--source=gs://b/o", "--no_use_public_ips", "--max_num_workers=3"],
        "additionalUserLabels": {"team": "web"},
        "sdkContainerImage": "us-central1-docker.pkg.dev/my-project/logline/backfill:0.1.0",
        "subnetwork": "regions/us-central1/subnetworks/logs",
        "tempLocation": "gs://b/tmp",
        "maxWorkers": 3,
    }
    assert refusal(GCS_ONLY, ("source",), environment, source="gs://b/o") == ""
