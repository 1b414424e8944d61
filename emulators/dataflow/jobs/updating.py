"""How a request changes a running job: `updateMask` of `projects.locations.jobs.update`."""

import re
from collections.abc import Mapping
from typing import Any

from emulators.dataflow.errors import ApiError, failed_precondition, invalid_argument, traced
from emulators.dataflow.jobs.job import Job
from emulators.dataflow.jobs.states import display_name

_PARAMS = "runtimeUpdatableParams"
#: The options that can be changed and their limits, as `gcloud dataflow jobs update-options --help` has them.
_LIMITS = {"minNumWorkers": (1, 1000), "maxNumWorkers": (1, 1000), "workerUtilizationHint": (0.1, 0.9)}


def update_fields(job: Job, mask: str, wanted: Mapping[str, Any]) -> str:
    """Change the fields of a job that a mask names; a field that has no value is taken away.

    Args:
        job: Is changed.
        mask: Paths below the job with commas between them, in camelCase or snake_case.
        wanted: A job with the new values.

    Returns:
        What is said about it among the job's messages.

    Raises:
        ApiError: 400, a path, a value or the job's state forbid it; 501, the emulator does not offer that option.
    """
    changed = dict(job.resource)
    for path in mask.split(","):
        name, _, option = _camel_case(path.strip()).partition(".")
        if name == "labels" and not option:
            changed["labels"] = wanted.get("labels") or {}
        elif name == _PARAMS:
            _require_adjustable(job)
            changed[_PARAMS] = _params(changed.get(_PARAMS, {}), option, wanted.get(_PARAMS) or {})
        else:
            raise invalid_argument(traced(f"Invalid value at 'updateMask': {path!r} cannot be updated."))
    job.resource.update(changed)
    return f"Update request is committed for workflow job: {job.id}."


def _params(current: Mapping[str, Any], option: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options with one changed, or with all that are wanted where none is named."""
    params = dict(current)
    for name in [option] if option else wanted:
        if name not in _LIMITS:
            raise ApiError(
                501, f"The Dataflow emulator does not offer the update of {name}: it offers {', '.join(_LIMITS)}."
            )
        params.pop(name, None)
        if wanted.get(name) is not None:
            params[name] = _number(name, wanted[name])
    if params.get("minNumWorkers", 0) > params.get("maxNumWorkers", _LIMITS["maxNumWorkers"][1]):
        raise invalid_argument(traced("minNumWorkers must not be greater than maxNumWorkers."))
    return params


def _number(name: str, value: Any) -> float:
    least, most = _LIMITS[name]
    is_number = isinstance(value, int if isinstance(least, int) else (int, float)) and not isinstance(value, bool)
    if not (is_number and least <= value <= most):
        raise invalid_argument(traced(f"Invalid value at '{name}': {value!r} is not between {least} and {most}."))
    return float(value) if isinstance(least, float) else int(value)


def _require_adjustable(job: Job) -> None:
    refusal = f"Workflow modification failed. Causes: Operation update not allowed for JOB {job.id}."
    if job.is_terminal:
        raise failed_precondition(f"{refusal} Job has terminated in state {display_name(job.state)}.")
    if not job.is_streaming:
        raise failed_precondition(f"{refusal} Only the options of streaming jobs can be updated.")


def _camel_case(path: str) -> str:
    return re.sub(r"_([a-z])", lambda match: match[1].upper(), path)
