"""What a call has to be granted: https://cloud.google.com/dataflow/docs/concepts/access-control.

A job runs as the service account of its workers (https://cloud.google.com/dataflow/docs/concepts/security-and-permissions):
who launches it must be allowed to act as that account, and the account must be a worker of the project.
"""

from collections.abc import Callable, Mapping
from typing import Any

from emulators.dataflow.errors import ApiError, cannot_act_as, not_a_launcher, permission_denied
from emulators.guard.iam import CALLER, Access, project_resource

_ACCOUNTS = "//iam.googleapis.com/projects/{project}/serviceAccounts/{account}"
#: Of a launch that names none: https://cloud.google.com/compute/docs/access/service-accounts#default_service_account.
_DEFAULT_ACCOUNT = "1-compute@developer.gserviceaccount.com"
NO_WORKER = (
    "Workflow failed. Causes: Permissions verification for controller service account failed. All permissions in IAM "
    "role roles/dataflow.worker should be granted to controller service account {account}."
)


def require(permission: str, project: str, refusal: Callable[[str, str], ApiError] = permission_denied) -> None:
    """Refuse a caller who lacks a permission on the project.

    Raises:
        ApiError: 403, as `refusal` makes it of the project and the permission.
    """
    if not CALLER.get().may(permission, project_resource(project)):
        raise refusal(project, permission)


def require_creating(project: str) -> None:
    """Refuse a caller who may not create jobs.

    Raises:
        ApiError: 403.
    """
    require("dataflow.jobs.create", project, not_a_launcher)


def account_of_workers(environment: Mapping[str, Any]) -> str:
    """Return the service account that a job runs as."""
    return str(environment.get("serviceAccountEmail") or _DEFAULT_ACCOUNT)


def require_acting_as(account: str, project: str) -> None:
    """Refuse a caller who may not let a job run as an account.

    Raises:
        ApiError: 403.
    """
    if not CALLER.get().may("iam.serviceAccounts.actAs", _ACCOUNTS.format(project=project, account=account)):
        raise cannot_act_as(account)


def is_worker(access: Access, account: str, project: str) -> bool:
    """Tell whether an account may be a worker; of accounts that are not in the policy nothing is known."""
    if access.token_of(account) is None:
        return True
    return access.as_account(account).may("dataflow.workItems.lease", project_resource(project))
