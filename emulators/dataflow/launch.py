"""The request that launches a Flex Template."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emulators.dataflow.errors import invalid_argument


@dataclass(frozen=True)
class Launch:
    """`LaunchFlexTemplateParameter`, checked for its types.

    Attributes:
        job_name: of the new job.
        spec_uri: gs:// address of the container spec, or "" where the request holds it.
        spec: the container spec of the request, if it holds one.
        parameters: of the template.
        environment: a FlexTemplateRuntimeEnvironment.
        update: whether the job replaces the active one of its name.
    """

    job_name: str
    spec_uri: str
    spec: dict[str, Any] | None
    parameters: dict[str, str]
    environment: dict[str, Any]
    update: bool

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> "Launch":
        """Read `launchParameter` (also as `launch_parameter`, which the service's JSON parser takes too).

        Raises:
            ApiError: 400, a field is missing or of the wrong type.
        """
        launch = body.get("launchParameter", body.get("launch_parameter"))
        if not isinstance(launch, dict):
            raise invalid_argument("The request has no launchParameter.")
        launch = {_camel(key): value for key, value in launch.items()}
        for name, kind in (("containerSpec", dict), ("parameters", dict), ("environment", dict), ("update", bool)):
            if not isinstance(launch.get(name, kind()), kind):
                raise invalid_argument(f"Invalid value at 'launch_parameter.{name}': it must be a {kind.__name__}.")
        parameters = launch.get("parameters", {})
        for name, value in parameters.items():
            if not isinstance(value, str):
                raise invalid_argument(f"Invalid value at 'launch_parameter.parameters[{name}]': it must be a string.")
        uri, spec = str(launch.get("containerSpecGcsPath", "")), launch.get("containerSpec")
        if bool(uri) == bool(spec):
            raise invalid_argument("Give either containerSpecGcsPath or containerSpec.")
        environment = {_camel(key): value for key, value in launch.get("environment", {}).items()}
        return cls(str(launch.get("jobName", "")), uri, spec, parameters, environment, launch.get("update", False))


def _camel(name: str) -> str:
    """`job_name` as `jobName`: Google's JSON takes both names of a field."""
    head, *tail = name.split("_")
    return head + "".join(word.capitalize() for word in tail)
