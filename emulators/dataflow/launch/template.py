"""Flex Templates: the container spec on Cloud Storage and what its metadata asks of the parameters."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from google.api_core.exceptions import GoogleAPICallError, NotFound
from google.cloud.storage import Client

from emulators.dataflow.errors import ApiError, invalid_argument, invalid_parameters
from emulators.dataflow.jobs.states import JobType
from emulators.dataflow.launch.beam_options import LAUNCH_OPTIONS
from emulators.dataflow.launch.options import check_environment

_SECONDS_FOR_A_SPEC = 10


@dataclass(frozen=True)
class Parameter:
    """A parameter of a template: its name, whether it may be left out, and the patterns a value must match."""

    name: str
    is_optional: bool
    patterns: tuple[re.Pattern[str], ...]

    def mismatch(self, value: str) -> str | None:
        """Return what is wrong with a value, None for a good one."""
        for pattern in self.patterns:
            if not pattern.fullmatch(value):
                return f"Parameter didn't match regex '{pattern.pattern}'"
        return None


@dataclass(frozen=True)
class Template:
    """A container spec.

    Attributes:
        image: The container image that holds the pipeline's entry point.
        parameters: By name; a launch can give no others.
        is_streaming: Whether its jobs are streaming jobs.
        environment: Its `defaultEnvironment`.
    """

    image: str
    parameters: dict[str, Parameter]
    is_streaming: bool
    environment: dict[str, Any]

    @classmethod
    def from_json(cls, spec: object, origin: str) -> "Template":
        """Read a container spec.

        Args:
            spec: Of any type: it comes from outside.
            origin: Where it is, for the error.

        Raises:
            ApiError: 400, it is not a valid one.
        """
        try:
            return cls._read(spec)
        except (TypeError, ValueError, KeyError, re.error) as error:
            raise invalid_argument(f"Invalid template file {origin}: {error}") from error

    @classmethod
    def _read(cls, spec: object) -> "Template":
        spec = _object(spec, "the container spec")
        if not isinstance(spec.get("image"), str):
            raise TypeError("the container spec has no image")
        # The service takes a spec without metadata, and any parameter then.
        metadata = _object(spec.get("metadata"), "metadata")
        listed = metadata.get("parameters")
        if not isinstance(listed, list):
            raise TypeError("metadata.parameters must be a list")
        parameters = {one.name: one for one in map(_parameter, listed)}
        environment = _object(spec.get("defaultEnvironment") or {}, "defaultEnvironment")
        check_environment(environment)
        return cls(spec["image"], parameters, metadata.get("streaming") is True, environment)

    @property
    def image_name(self) -> str:
        """The last segment of the image's path, without tag and digest: `backfill` of `repo/backfill:1.2`."""
        return self.image.partition("@")[0].rpartition("/")[2].partition(":")[0]

    def check(self, parameters: Mapping[str, str]) -> None:
        """Check the parameters of a launch. Those that are options of Beam itself need not be in the metadata.

        Raises:
            ApiError: 400, naming every parameter that is unknown or missing or does not match its patterns.
        """
        known = self.parameters.keys() | LAUNCH_OPTIONS
        violations = {name: "Unrecognized parameter" for name in parameters if name not in known}
        for name, parameter in self.parameters.items():
            if name not in parameters:
                if not parameter.is_optional:
                    violations[name] = "Missing required parameter"
            elif reason := parameter.mismatch(parameters[name]):
                violations[name] = reason
        if violations:
            raise invalid_parameters(violations)

    def job_type(self, parameters: Mapping[str, str]) -> JobType:
        """Return STREAMING where the metadata or the pipeline option `streaming` say so, else BATCH."""
        streaming = self.is_streaming or parameters.get("streaming", "").lower() == "true"
        return JobType.STREAMING if streaming else JobType.BATCH


def read_template(uri: str, project: str) -> Template:
    """Return the template at a gs:// address.

    Raises:
        ApiError: 400, the object is missing or not a container spec; 503, Cloud Storage does not answer.
    """
    match = re.fullmatch(r"gs://([^/]+)/(.+)", uri)
    if not match:
        raise invalid_argument(f"Invalid containerSpecGcsPath {uri!r}: expected gs://BUCKET/OBJECT.")
    client = Client(project=project)
    try:
        content = client.bucket(match[1]).blob(match[2]).download_as_bytes(timeout=_SECONDS_FOR_A_SPEC, retry=None)
    except NotFound as error:
        raise invalid_argument(f"Unable to open template file: {uri}.") from error
    except (GoogleAPICallError, requests.RequestException) as error:
        host = os.environ.get("STORAGE_EMULATOR_HOST", "https://storage.googleapis.com")
        raise ApiError(503, f"Unable to open template file: {uri}. Cloud Storage at {host} failed: {error}") from error
    finally:
        client.close()
    return _parsed(content, uri)


def read_local_template(folder: Path, name: str) -> Template:
    """Return the template in a file of a folder.

    Args:
        folder: The file must not lie outside of it once symlinks are followed.
        name: The path of the file in it.

    Raises:
        ApiError: 400, there is no such file, or it is not a container spec.
    """
    path = folder / name
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            raise invalid_argument(f"Unable to open template file: {path} leads out of {folder}.")
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", error)
        raise invalid_argument(f"Unable to open template file: {path} ({reason}).") from error
    return _parsed(content, str(path))


def _parsed(content: bytes, origin: str) -> Template:
    try:
        spec = json.loads(content)
    except ValueError as error:
        raise invalid_argument(f"Invalid template file {origin}: {error}") from error
    return Template.from_json(spec, origin)


def _parameter(value: object) -> Parameter:
    parameter = _object(value, "a parameter")
    name, patterns = parameter.get("name"), parameter.get("regexes") or []
    if not isinstance(name, str) or not isinstance(patterns, list):
        raise TypeError("a parameter needs a name, and its regexes must be a list")
    return Parameter(name, parameter.get("isOptional") is True, tuple(re.compile(str(one)) for one in patterns))


def _object(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{name} must be an object")
    return value
