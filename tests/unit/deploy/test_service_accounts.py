"""The local emulators judge by the roles that the Terraform module grants."""

from collections import Counter
from pathlib import Path

from local_stack.config import PORTS, StackConfig
from local_stack.service_accounts import CUSTOM_ROLES, ROLES, STORAGE_AGENT, policy
from tests.unit.deploy.module import Applied

GRANTED_ON = {
    "google_project_iam_member.grants": "project",
    "google_storage_bucket_iam_member.logs": "bucket",
    "google_storage_bucket_iam_member.templates": "templates",
    "google_storage_bucket_iam_member.temp": "temp_bucket",
    "google_bigquery_dataset_iam_member.logline": "dataset",
    "google_bigquery_dataset_iam_member.staging": "staging_dataset",
    "google_pubsub_topic_iam_member.lines": "topic",
    "google_pubsub_topic_iam_member.arrivals": "arrivals_topic",
    "google_pubsub_subscription_iam_member.stream": "subscription",
    "google_pubsub_subscription_iam_member.arrivals": "arrivals_subscription",
    'google_service_account_iam_member.launch["batch"]': "batch_account",
    'google_service_account_iam_member.launch["stream"]': "stream_account",
}
NO_EMULATOR = ("google_artifact_registry_repository_iam_member.workers",)
LOCAL_ALONE = ("localNotifications", "localTopics")


def test_the_policy_has_the_roles_of_the_module_and_no_other(applied: Applied) -> None:
    granted = Counter(
        (
            GRANTED_ON.get(address) or GRANTED_ON[address.partition("[")[0]],
            _account(one["values"]["member"]),
            one["values"]["role"].rpartition("/roles/")[2],
        )
        for address, one in applied.resources.items()
        if "_iam_member." in address and not address.startswith(NO_EMULATOR)
    )
    assert granted == Counter(
        (on, account, role)
        for on, of_accounts in ROLES.items()
        for account, roles in of_accounts.items()
        for role in roles
        if role not in LOCAL_ALONE
    )


def test_its_custom_roles_are_the_modules(applied: Applied) -> None:
    made = {role["role_id"]: sorted(role["permissions"]) for role in applied.of("google_project_iam_custom_role")}
    assert made == {name: sorted(permissions) for name, permissions in CUSTOM_ROLES.items() if name not in LOCAL_ALONE}


def test_its_names_and_its_condition_are_the_modules(applied: Applied, tmp_path: Path) -> None:
    settings = applied.settings
    config = StackConfig(
        state_dir=tmp_path,
        ports={name: port.default for name, port in PORTS.items()},
        project=settings["LOGLINE_PROJECT"],
        bucket=settings["LOGLINE_BUCKET"],
        temp_name=settings["LOGLINE_TEMP_BUCKET"],
    )
    bindings = policy(config)["bindings"]
    templates = applied.resources["google_storage_bucket_iam_member.templates"]["values"]
    (condition,) = (one["condition"] for one in bindings if "condition" in one)
    assert condition == templates["condition"][0]["expression"]
    named = {one["resource"].rpartition("/")[2] for one in bindings}
    assert {
        *(bucket["name"] for bucket in applied.of("google_storage_bucket")),
        *(dataset["dataset_id"] for dataset in applied.of("google_bigquery_dataset")),
        *(topic["name"] for topic in applied.of("google_pubsub_topic")),
        *(subscription["name"] for subscription in applied.of("google_pubsub_subscription")),
    } <= named


def _account(member: str) -> str:
    email = member.removeprefix("serviceAccount:")
    return email.removeprefix("logline-").partition("@")[0] if email.startswith("logline-") else STORAGE_AGENT
