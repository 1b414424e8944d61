"""The request that launches a Flex Template."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emulators.dataflow.errors import invalid_argument
from emulators.dataflow.launch.options import check_environment

_TYPES = {
    "jobName": str,
    "containerSpecGcsPath": str,
    "parameters": dict,
    "environment": dict,
    "update": bool,
}


@dataclass(frozen=True)
class Launch:
    """`LaunchFlexTemplateParameter`, checked for its types.

    Attributes:
        job_name: Of the new job.
        spec_uri: gs:// address of the container spec.
        parameters: Of the template.
        environment: A FlexTemplateRuntimeEnvironment.
        update: Whether the job replaces the active one of its name.
    """

    job_name: str
    spec_uri: str
    parameters: dict[str, str]
    environment: dict[str, Any]
    update: bool

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> "Launch":
        """Read `launchParameter`, in camel case or in the snake case that Google's JSON parser takes as well.

        Raises:
            ApiError: 400, a field is missing or of the wrong type.
        """
        given = body.get("launchParameter", body.get("launch_parameter"))
        if not isinstance(given, dict):
            raise invalid_argument("The request has no launchParameter.")
        launch = {_camel(key): value for key, value in given.items() if value is not None}
        for name, kind in _TYPES.items():
            if not isinstance(launch.get(name, kind()), kind):
                raise invalid_argument(f"Invalid value at 'launch_parameter.{name}', {launch[name]!r}")
        parameters = launch.get("parameters", {})
        for name, value in parameters.items():
            if not isinstance(value, str):
                raise invalid_argument(f"Invalid value at 'launch_parameter.parameters[{name}]' (TYPE_STRING), {value}")
        environment = {_camel(key): value for key, value in launch.get("environment", {}).items() if value is not None}
        try:
            check_environment(environment)
        except TypeError as error:
            raise invalid_argument(f"Invalid value at 'launch_parameter': {error}") from error
        if "containerSpec" in launch:
            raise invalid_argument(
                "Invalid value at 'launch_parameter': containerSpec is refused here; upload the spec and give "
                "containerSpecGcsPath."
            )
        uri = launch.get("containerSpecGcsPath")
        if not uri:
            raise invalid_argument("Invalid value at 'launch_parameter': containerSpecGcsPath is missing.")
        return cls(launch.get("jobName", ""), uri, parameters, environment, launch.get("update", False))


def _camel(name: str) -> str:
    """Convert `job_name` to `jobName`."""
    head, *tail = name.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in tail)
