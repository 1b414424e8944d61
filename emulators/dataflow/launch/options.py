"""The command of a job: what the launcher of a Flex Template hands to the pipeline's entry point."""

import sys
from collections.abc import Mapping
from typing import Any

from emulators.dataflow.launch.beam_options import ENVIRONMENT_FIELDS, LAUNCH_OPTIONS, PRIVATE_ADDRESSES

_LISTS = ("additionalExperiments", "additionalPipelineOptions")


def check_environment(environment: Mapping[str, Any]) -> None:
    """Check the types of a FlexTemplateRuntimeEnvironment.

    Raises:
        TypeError: A field is of the wrong type; the message is for the user.
    """
    labels = environment.get("additionalUserLabels", {})
    if not isinstance(labels, dict) or not all(isinstance(value, str) for value in labels.values()):
        raise TypeError("environment.additionalUserLabels must map strings to strings")
    for name in _LISTS:
        values = environment.get(name, [])
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise TypeError(f"environment.{name} must be a list of strings")
    for name in ENVIRONMENT_FIELDS.keys() - set(_LISTS):
        if not isinstance(environment.get(name, ""), str | int | bool):
            raise TypeError(f"environment.{name} must be a string, a number or a truth value")


def pipeline_options(
    resource: Mapping[str, Any], spec_uri: str, parameters: Mapping[str, str], environment: Mapping[str, Any]
) -> dict[str, str | list[str]]:
    """Return the options of a job, by their names in Beam's Python SDK.

    Args:
        resource: The job.
        spec_uri: Where the container spec is.
        parameters: Of the launch.
        environment: Of the launch, a checked FlexTemplateRuntimeEnvironment.
    """
    bucket = spec_uri.removeprefix("gs://").partition("/")[0]
    options: dict[str, str | list[str]] = {
        "runner": "FnApiRunner",
        "job_name": resource["name"],
        "project": resource["projectId"],
        "region": resource["location"],
        "temp_location": f"gs://{bucket}/tmp",  # noqa: S108 - on Cloud Storage
    }
    for field, option in ENVIRONMENT_FIELDS.items():
        if field in environment:
            value = environment[field]
            options[option] = value if isinstance(value, list) else _text(value)
    if environment.get("ipConfiguration") == "WORKER_IP_PRIVATE":
        options[PRIVATE_ADDRESSES] = "true"
    if labels := environment.get("additionalUserLabels"):
        options["labels"] = [f"{key}={value}" for key, value in labels.items()]
    return options | dict(parameters)


def command(
    module: str, options: Mapping[str, str | list[str]], environment: Mapping[str, Any], python: str = sys.executable
) -> list[str]:
    """Return the argument list that runs an entry point with its options and with `additionalPipelineOptions`.

    Modules are not looked for in the folder where it runs, which the job may write to. A true flag of Beam's is passed
    by its name alone and a false one not at all, as its option parser wants it.
    """
    arguments = []
    for name, value in options.items():
        for one in value if isinstance(value, list) else [value]:
            if name in LAUNCH_OPTIONS and one in ("true", "false"):
                arguments += [f"--{name}"] if one == "true" else []
            else:
                arguments.append(f"--{name}={one}")
    return [python, "-P", "-m", module, *arguments, *environment.get("additionalPipelineOptions", [])]


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
