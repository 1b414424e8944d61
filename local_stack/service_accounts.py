"""The service accounts of a stack and their roles, as the Terraform module grants them, for the emulators to judge by.

A test compares these with what the module grants (`tests/integration/permissions`).
"""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from emulators.guard.authorized_user import authorized_user
from local_stack.config import StackConfig
from local_stack.private_files import make_private, write_private

AIRFLOW, BATCH, STREAM, PUBLISHER = "airflow", "batch", "stream", "publisher"
STORAGE_AGENT = "storage"
"""Cloud Storage's own account, by which it tells of new objects."""

CUSTOM_ROLES = {
    "loglineProvision": [
        "bigquery.datasets.create",
        "pubsub.subscriptions.create",
        "pubsub.topics.attachSubscription",
        "pubsub.topics.create",
        "storage.buckets.create",
    ],
    "loglineStaging": ["bigquery.datasets.update"],
    # On Google Cloud the module makes the bucket's notifications; here `provision` does.
    "localNotifications": ["storage.buckets.update"],
    # On Google Cloud whoever makes a topic lets the agent publish to it; here nobody could.
    "localTopics": ["pubsub.topics.publish"],
}

ROLES = {
    "project": {
        AIRFLOW: ["loglineProvision", "roles/bigquery.jobUser", "roles/compute.viewer", "roles/dataflow.developer"],
        BATCH: ["roles/bigquery.readSessionUser", "roles/dataflow.worker"],
        STREAM: ["roles/dataflow.worker"],
    },
    "bucket": {
        AIRFLOW: ["localNotifications", "roles/storage.legacyBucketReader"],
        BATCH: ["roles/storage.objectViewer"],
    },
    "templates": {AIRFLOW: ["roles/storage.objectUser"]},
    "temp_bucket": {
        AIRFLOW: ["roles/storage.legacyBucketReader", "roles/storage.objectUser"],
        BATCH: ["roles/storage.objectUser"],
        STREAM: ["roles/storage.objectUser"],
    },
    "dataset": {AIRFLOW: ["roles/bigquery.dataEditor"], STREAM: ["roles/bigquery.dataEditor"]},
    "staging_dataset": {
        AIRFLOW: ["loglineStaging", "roles/bigquery.dataEditor"],
        BATCH: ["roles/bigquery.dataViewer"],
    },
    "topic": {AIRFLOW: ["roles/pubsub.publisher"], PUBLISHER: ["roles/pubsub.publisher"]},
    "subscription": {
        AIRFLOW: ["roles/pubsub.viewer"],
        STREAM: ["roles/pubsub.subscriber", "roles/pubsub.viewer"],
    },
    "arrivals_topic": {STORAGE_AGENT: ["roles/pubsub.publisher"]},
    "arrivals_subscription": {AIRFLOW: ["roles/pubsub.subscriber"]},
    "batch_account": {AIRFLOW: ["roles/iam.serviceAccountUser"]},
    "stream_account": {AIRFLOW: ["roles/iam.serviceAccountUser"]},
}
"""Roles by what they are granted on, and to whom; without those on what has no emulator: images and the secret."""


def email(config: StackConfig, account: str) -> str:
    """Return the e-mail address of an account."""
    if account == STORAGE_AGENT:
        return f"{config.project}@gs-project-accounts.iam.gserviceaccount.com"
    return f"logline-{account}@{config.project}.iam.gserviceaccount.com"


def account_token(config: StackConfig, account: str) -> str:
    """Return the access token of an account; the first call makes it."""
    return make_private(_folder(config) / account, secrets.token_urlsafe(32))


def account_credentials(config: StackConfig, account: str) -> Path:
    """Return the file for GOOGLE_APPLICATION_CREDENTIALS of what runs as an account, written now."""
    path = _folder(config) / f"{account}.json"
    write_private(path, json.dumps(authorized_user(account_token(config, account))))
    return path


def write_policy(config: StackConfig) -> None:
    """Write the policy that the emulators judge by: ROLES, and that buckets may tell topics of the user's own."""
    written = policy(config)
    written["bindings"].append(
        {
            "resource": resources(config)["project"][0],
            "role": "localTopics",
            "members": [f"serviceAccount:{email(config, STORAGE_AGENT)}"],
        }
    )
    write_private(config.policy_file, json.dumps(written, indent=1))


def policy(config: StackConfig) -> dict[str, Any]:
    """Return what ROLES say, as `emulators.guard.iam` reads it."""
    accounts = (AIRFLOW, BATCH, STREAM, PUBLISHER, STORAGE_AGENT)
    return {
        "accounts": {email(config, account): account_token(config, account) for account in accounts},
        "custom_roles": dict(CUSTOM_ROLES),
        "bindings": list(_bindings(config)),
    }


def _bindings(config: StackConfig) -> Iterator[dict[str, Any]]:
    names = resources(config)
    for on, of_accounts in ROLES.items():
        resource, below = names[on]
        condition = {"condition": f'resource.name.startsWith("{below}")'} if below else {}
        for account, roles in of_accounts.items():
            members = [f"serviceAccount:{email(config, account)}"]
            yield from ({"resource": resource, "role": role, "members": members, **condition} for role in roles)


def resources(config: StackConfig) -> dict[str, tuple[str, str]]:
    """Return full names of resources, each with what the names of those below it must begin with, if anything."""
    of_project = f"projects/{config.project}"
    buckets, datasets = "projects/_/buckets", f"{of_project}/datasets"
    names = {
        "project": f"cloudresourcemanager.googleapis.com/{of_project}",
        "bucket": f"storage.googleapis.com/{buckets}/{config.bucket}",
        "templates": f"storage.googleapis.com/{buckets}/{config.bucket}",
        "temp_bucket": f"storage.googleapis.com/{buckets}/{config.temp_bucket}",
        "dataset": f"bigquery.googleapis.com/{datasets}/{config.dataset}",
        "staging_dataset": f"bigquery.googleapis.com/{datasets}/{config.staging_dataset}",
        "topic": f"pubsub.googleapis.com/{of_project}/topics/{config.topic}",
        "subscription": f"pubsub.googleapis.com/{of_project}/subscriptions/{config.subscription}",
        "arrivals_topic": f"pubsub.googleapis.com/{of_project}/topics/{config.arrivals_topic}",
        "arrivals_subscription": f"pubsub.googleapis.com/{of_project}/subscriptions/{config.arrivals_subscription}",
        "batch_account": f"iam.googleapis.com/{of_project}/serviceAccounts/{email(config, BATCH)}",
        "stream_account": f"iam.googleapis.com/{of_project}/serviceAccounts/{email(config, STREAM)}",
    }
    below = {"templates": f"{buckets}/{config.bucket}/objects/templates/"}
    return {on: (f"//{name}", below.get(on, "")) for on, name in names.items()}


def _folder(config: StackConfig) -> Path:
    return config.state_dir / "service-accounts"
