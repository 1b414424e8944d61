"""Flex Templates: the container spec on Cloud Storage, its parameters, and the command that its image stands for."""

import json
import os
import re
import sys
from collections.abc import Mapping
from typing import Any, cast

import requests
from google.api_core.exceptions import GoogleAPICallError, NotFound
from google.cloud.storage import Client

from emulators.dataflow.errors import ApiError, invalid_argument, invalid_parameters
from emulators.dataflow.states import JobType

_SECONDS_FOR_A_SPEC = 10

#: Fields of FlexTemplateRuntimeEnvironment that the launcher hands to the pipeline, by the names of Beam's options.
#: The service takes these options as parameters too, without their being in the template's metadata, cf.
#: terraform-provider-google#11008.
_ENVIRONMENT_OPTIONS = {
    "additionalExperiments": "experiments",
    "autoscalingAlgorithm": "autoscaling_algorithm",
    "diskSizeGb": "disk_size_gb",
    "enableStreamingEngine": "enable_streaming_engine",
    "kmsKeyName": "dataflow_kms_key",
    "machineType": "worker_machine_type",
    "maxWorkers": "max_num_workers",
    "network": "network",
    "numWorkers": "num_workers",
    "sdkContainerImage": "sdk_container_image",
    "serviceAccountEmail": "service_account_email",
    "stagingLocation": "staging_location",
    "subnetwork": "subnetwork",
    "tempLocation": "temp_location",
    "workerRegion": "worker_region",
    "workerZone": "worker_zone",
}
_PIPELINE_OPTIONS = frozenset(_ENVIRONMENT_OPTIONS.values())


def read_spec(uri: str, project: str) -> dict[str, Any]:
    """The container spec at a gs:// address.

    Raises:
        ApiError: 400, there is none or it is not one; 503, Cloud Storage does not answer.
    """
    match = re.fullmatch(r"gs://([^/]+)/(.+)", uri)
    if not match:
        raise invalid_argument(f"Invalid containerSpecGcsPath {uri!r}: expected gs://BUCKET/OBJECT.")
    client = Client(project=project)
    try:
        blob = client.bucket(match[1]).blob(match[2])
        content = blob.download_as_bytes(timeout=_SECONDS_FOR_A_SPEC, retry=None)
    except NotFound as error:
        raise invalid_argument(f"Unable to open template file: {uri}.") from error
    except (GoogleAPICallError, requests.RequestException) as error:
        host = os.environ.get("STORAGE_EMULATOR_HOST", "https://storage.googleapis.com")
        raise ApiError(503, f"Unable to open template file: {uri}. Cloud Storage at {host} failed: {error}") from error
    finally:
        client.close()
    return _checked_spec(content, uri)


def _checked_spec(content: bytes, uri: str) -> dict[str, Any]:
    try:
        spec = json.loads(content)
        parameters = spec.get("metadata", {}).get("parameters", [])
        well_formed = isinstance(spec["image"], str) and all(isinstance(one["name"], str) for one in parameters)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise invalid_argument(f"Invalid template file {uri}: it is no container spec ({error!r}).") from error
    if not well_formed:
        raise invalid_argument(f"Invalid template file {uri}: the image and the parameters' names must be strings.")
    return cast("dict[str, Any]", spec)


def check_parameters(spec: Mapping[str, Any], parameters: Mapping[str, str]) -> None:
    """Check parameters against the template's metadata; a template without metadata takes any.

    Raises:
        ApiError: 400, naming every parameter that is unknown or missing or does not match its patterns.
    """
    if "metadata" not in spec:
        return
    known = {one["name"]: one for one in spec["metadata"].get("parameters", [])}
    violations = {name: "Unrecognized parameter" for name in parameters if name not in known.keys() | _PIPELINE_OPTIONS}
    for name, one in known.items():
        if name not in parameters:
            if not one.get("isOptional", False):
                violations[name] = "Missing required parameter"
            continue
        for pattern in one.get("regexes", []):
            if not re.fullmatch(pattern, parameters[name]):
                violations[name] = f"Parameter didn't match regex '{pattern}'"
    if violations:
        raise invalid_parameters(violations)


def job_type(spec: Mapping[str, Any], parameters: Mapping[str, str]) -> JobType:
    """Streaming where the template's metadata or a parameter `streaming` say so, batch otherwise."""
    streaming = spec.get("metadata", {}).get("streaming", False) or parameters.get("streaming", "").lower() == "true"
    return JobType.STREAMING if streaming else JobType.BATCH


def image_name(image: str) -> str:
    """The last segment of an image's path, without tag and digest: `backfill` of `repo/backfill:1.2@sha256:...`."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]


def pipeline_options(
    resource: Mapping[str, Any],
    spec_uri: str,
    parameters: Mapping[str, str],
    environment: Mapping[str, Any],
) -> dict[str, str | list[str]]:
    """The options that the launcher gives the pipeline, by their names in Beam's Python SDK.

    Args:
        resource: the job.
        spec_uri: where the container spec is; "" where the request held it.
        parameters: of the launch.
        environment: of the launch, a FlexTemplateRuntimeEnvironment.
    """
    options: dict[str, str | list[str]] = {
        "runner": "FnApiRunner",
        "job_name": resource["name"],
        "project": resource["projectId"],
        "region": resource["location"],
    }
    if spec_uri:
        bucket = spec_uri.removeprefix("gs://").partition("/")[0]
        options["temp_location"] = f"gs://{bucket}/tmp"  # noqa: S108 - on Cloud Storage
    for name, option in _ENVIRONMENT_OPTIONS.items():
        if name in environment:
            value = environment[name]
            options[option] = [str(one) for one in value] if isinstance(value, list) else _text(value)
    if resource.get("labels"):
        options["labels"] = [f"{key}={value}" for key, value in resource["labels"].items()]
    return options | dict(parameters)


def command(module: str, options: Mapping[str, str | list[str]], additional: list[str]) -> list[str]:
    """The argument list that runs an entry point with its options and `additionalPipelineOptions`.

    A true flag is passed by its name alone and a false one not at all, as Beam's option parser wants it.
    """
    arguments = []
    for name, value in options.items():
        for one in value if isinstance(value, list) else [value]:
            if name in _PIPELINE_OPTIONS and one in ("true", "false"):
                arguments += [f"--{name}"] if one == "true" else []
            else:
                arguments.append(f"--{name}={one}")
    return [sys.executable, "-m", module, *arguments, *additional]


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
