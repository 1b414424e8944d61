"""What a call has to be granted, by the service's table: https://cloud.google.com/storage/docs/access-control/iam-json."""

from emulators.guard.iam import CALLER, project_resource
from emulators.storage.errors import StorageError

_BUCKETS = "//storage.googleapis.com/projects/_/buckets/"
_TOPICS = "//pubsub.googleapis.com/"
#: Requests do not name the project that a bucket is in: an emulator has one.
_ANY_PROJECT = "_"


def require(permission: str, bucket: str | None = None, name: str | None = None) -> None:
    """Refuse a caller who lacks a permission on an object, a bucket, or the project.

    Raises:
        StorageError: 403.
    """
    resource, what = project_resource(_ANY_PROJECT), "project"
    if bucket is not None:
        resource, what = f"{_BUCKETS}{bucket}", "Storage bucket"
    if name is not None:
        resource, what = f"{resource}/objects/{name}", "Storage object"
    caller = CALLER.get()
    if not caller.may(permission, resource):
        raise StorageError(
            403,
            "forbidden",
            f"{caller.account} does not have {permission} access to the Google Cloud {what}. Permission "
            f"'{permission}' denied on resource (or it may not exist).",
        )


def may_publish(agent: str, topic: str) -> bool:
    """Tell whether the service agent of Cloud Storage may publish to a topic."""
    return CALLER.get().access.as_account(agent).may("pubsub.topics.publish", f"{_TOPICS}{topic}")
