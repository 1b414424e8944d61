"""Errors of the API, with the codes and the wording of the real service where that is known."""

import secrets
from typing import Any

#: Google's canonical status per HTTP code, cf. google/rpc/code.proto.
_STATUS = {
    400: ("INVALID_ARGUMENT", "badRequest"),
    403: ("PERMISSION_DENIED", "forbidden"),
    404: ("NOT_FOUND", "notFound"),
    409: ("ALREADY_EXISTS", "alreadyExists"),
    429: ("RESOURCE_EXHAUSTED", "rateLimitExceeded"),
    500: ("INTERNAL", "backendError"),
    501: ("UNIMPLEMENTED", "notImplemented"),
    503: ("UNAVAILABLE", "backendError"),
}


class ApiError(Exception):
    """A request that the service refuses.

    Attributes:
        code: The HTTP status code.
        status: The canonical status, such as `NOT_FOUND`; the gRPC status code has the same name.
        message: What the client reads.
        details: `google.rpc.Status.details` in their JSON form, each with its `@type`.
    """

    def __init__(
        self, code: int, message: str, *, status: str | None = None, details: list[dict[str, Any]] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status or _STATUS[code][0]
        self.details = details or []

    def to_json(self) -> dict[str, Any]:
        """Return the body of the HTTP response."""
        error: dict[str, Any] = {
            "code": self.code,
            "message": self.message,
            "status": self.status,
            "errors": [{"message": self.message, "domain": "global", "reason": _STATUS[self.code][1]}],
        }
        if self.details:
            error["details"] = self.details
        return {"error": error}


def traced(message: str) -> str:
    """Return the message behind a trace id in parentheses, as the real service writes it."""
    return f"({secrets.token_hex(8)}): {message}"


def invalid_argument(message: str) -> ApiError:
    """Make a 400: the request itself is wrong."""
    return ApiError(400, message)


def failed_precondition(message: str) -> ApiError:
    """Make a 400: the request does not fit the job's state."""
    return ApiError(400, traced(message), status="FAILED_PRECONDITION")


def job_not_found(job_id: str) -> ApiError:
    """Make a 404, worded as in feast-dev/feast#153."""
    return ApiError(
        404,
        traced(
            f"Information about job {job_id} could not be found in our system. Please double check the id is correct. "
            "If it is please contact customer support."
        ),
    )


def project_denied(project: str, location: str) -> ApiError:
    """Make a 403, worded as in GoogleCloudPlatform/java-docs-samples#6612: projects other than the emulator's own."""
    return ApiError(
        403,
        traced(
            f"Could not complete the request; user does not have sufficient permissions on project: {project}, or the "
            f"job does not exist in the project. Please ensure you have permission to access the job and the "
            f"`--region` flag, {location}, matches the job's region."
        ),
    )


def not_a_launcher(project: str, permission: str) -> ApiError:
    """Make a 403: the caller may not create jobs. Worded as users report it from Dataflow."""
    cause = traced(f"Permission '{permission}' denied on project: '{project}'")
    return ApiError(
        403, traced(f"Could not create workflow; user does not have write access to project: {project} Causes: {cause}")
    )


def permission_denied(project: str, permission: str) -> ApiError:
    """Make a 403: the caller lacks another permission on the project."""
    cause = traced(f"Permission '{permission}' denied on project: '{project}'")
    return ApiError(
        403,
        traced(
            f"Could not complete the request; user does not have sufficient permissions on project: {project} "
            f"Causes: {cause}"
        ),
    )


def cannot_act_as(account: str) -> ApiError:
    """Make a 403: the caller may not let a job run as this service account."""
    return ApiError(
        403,
        traced(
            f"Current user cannot act as service account {account}. Please grant your user account one of [Owner, "
            "Editor, Service Account Actor] roles, or any other role that includes the iam.serviceAccounts.actAs "
            "permission."
        ),
    )


def already_active(name: str) -> ApiError:
    """Make a 409, worded as in apache/beam#29441 (two spaces included)."""
    return ApiError(
        409,
        traced(
            f"There is already an active job named {name}. If you want to  submit a second job, try again by setting "
            "a different name."
        ),
    )


def too_many_jobs(project: str, active: int) -> ApiError:
    """Make a 429, worded as in apache/beam#34381."""
    cause = traced(
        f"Dataflow quota error for jobs-per-project quota. Project {project} is running {active} jobs. Please check "
        "the quota usage via GCP Console. If it exceeds the limit, please wait for a workflow to finish or contact "
        "Google Cloud Support to request an increase in quota. If it does not, contact Google Cloud Support."
    )
    return ApiError(429, traced(f"The workflow could not be created. Causes: {cause}"))


def invalid_parameters(violations: dict[str, str]) -> ApiError:
    """Make a 400, worded as in apache/beam and terraform-provider-google#11008.

    Args:
        violations: What is wrong, by parameter name.
    """
    lines = "".join(f"\n{name}: {description}" for name, description in violations.items())
    return ApiError(
        400,
        f"The template parameters are invalid. Details: {lines}",
        details=[
            {
                "@type": "type.googleapis.com/google.dataflow.v1beta3.InvalidTemplateParameters",
                "parameterViolations": [{"parameter": name, "description": text} for name, text in violations.items()],
            }
        ],
    )
