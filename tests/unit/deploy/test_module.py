"""The Terraform module says what the settings, the docs and the code say; Terraform itself evaluates it."""

import re
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from logline.settings import Settings
from tests.unit.deploy.module import MODULE, Applied, Module
from tests.unit.deploy.provider import SCHEMAS

ROOT = Path(__file__).parents[3]
DEPLOY = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
RESOURCES = SCHEMAS["registry.terraform.io/hashicorp/google"]["resource_schemas"]
KEY = "projects/keys/locations/us-central1/keyRings/ours/cryptoKeys/logs"
# The service behind a resource, by how its type begins.
SERVICES = {
    "artifact_registry": "artifactregistry",
    "bigquery": "bigquery",
    "billing": "billingbudgets",
    "compute": "compute",
    "kms": "cloudkms",
    "logging": "logging",
    "monitoring": "monitoring",
    "project_iam_custom_role": "iam",
    "project_iam_member": "cloudresourcemanager",
    "pubsub": "pubsub",
    "secret_manager": "secretmanager",
    "service_account": "iam",
    "storage": "storage",
}
# Where a role is granted, as the table of docs/deploy.md says it.
GRANTED_ON = {
    "google_project_iam_member.grants": "project",
    "google_storage_bucket_iam_member.logs": "bucket",
    "google_storage_bucket_iam_member.templates": "bucket, below `templates/`",
    "google_storage_bucket_iam_member.temp": "temporary bucket",
    "google_bigquery_dataset_iam_member.logline": "dataset `logline`",
    "google_bigquery_dataset_iam_member.staging": "dataset `logline_staging`",
    "google_pubsub_topic_iam_member.lines": "topic `log-lines`",
    "google_pubsub_subscription_iam_member.stream": "subscription `log-stream`",
    "google_pubsub_subscription_iam_member.arrivals": "subscription `logline-arrivals`",
    "google_artifact_registry_repository_iam_member.workers": "repository `logline`",
    "google_secret_manager_secret_iam_member.workers": "secret `logline-anonymise-key`",
    "google_service_account_iam_member.launch": "accounts of the workers",
}


# What is granted to none of the four accounts.
OF_OTHERS = (
    *("google_kms", "google_service_account_iam_member.imp"),
    "google_pubsub_topic_iam_member.arrivals",
)


def test_the_module_is_formatted(module: Module) -> None:
    assert module.run("fmt", "-check", "-recursive", str(MODULE)) == ""


def test_terraform_finds_it_valid(module: Module) -> None:
    assert "The configuration is valid" in module.run("validate")


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("ack_deadline_seconds ", "ack_deadline_secs ", 'An argument named "ack_deadline_secs" is not expected here'),
        ('ttl = ""', "", 'The argument "ttl" is required'),
        ("expiration_policy {", "expiration {", 'Blocks of type "expiration" are not expected here'),
        ("= 30\n", "= [30]\n", "number required"),
        ("google_pubsub_topic.lines.id", "google_pubsub_topic.lines.uri", "Unsupported attribute"),
    ],
)
def test_a_wrong_argument_is_noticed(
    module: Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, right: str, wrong: str, message: str
) -> None:
    copy = tmp_path / "module"
    shutil.copytree(module.folder, copy, ignore=shutil.ignore_patterns("*.tfstate*"))
    pubsub = copy / "pubsub.tf"
    text = pubsub.read_text(encoding="utf-8")
    assert right in text
    pubsub.write_text(text.replace(right, wrong), encoding="utf-8")
    monkeypatch.setattr(module, "folder", copy)
    assert message in module.run("validate", fails=True)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (["project=My project"], "must be a project id"),
        (["create_kms_key=true"], "the location must be the region"),
        (["create_kms_key=true", "location=us-central1", f"kms_key={KEY}"], "not both"),
        ([f"kms_key={KEY}", "region=europe-west1", "location=europe-west1"], "in the region of the jobs"),
        (["bucket=logs-of-mine", "temp_bucket=logs-of-mine"], "need a bucket of their own"),
        (["subnetwork=logline"], "must be regions/REGION/subnetworks/NAME"),
        (["anonymise=yes"], "one of none, truncate, hash"),
    ],
)
def test_a_wrong_variable_is_refused(module: Module, variables: list[str], message: str) -> None:
    arguments = [f"-var={variable}" for variable in ["project=my-project", *variables]]
    assert message in module.run("plan", "-input=false", "-refresh=false", *arguments, fails=True)


def test_an_applied_module_has_nothing_left_to_do(module: Module) -> None:
    module.apply("-var=project=my-project")
    assert "No changes" in module.run("plan", "-input=false", "-var=project=my-project")


def test_the_settings_are_those_that_airflow_reads(applied: Applied, everything: Applied) -> None:
    for one in (applied, everything):
        settings = Settings.from_environment(one.settings)
        read = {f"LOGLINE_{field.upper()}": str(value) for field, value in settings}
        assert one.settings.items() <= read.items()
        lines = dict(line.split("=", 1) for line in one.outputs["settings_file"].splitlines())
        assert lines == one.settings


def test_names_that_nobody_chooses_are_the_settings_defaults(applied: Applied) -> None:
    required = {name: applied.settings[name] for name in ("LOGLINE_PROJECT", "LOGLINE_BUCKET")}
    given, default = Settings.from_environment(applied.settings), Settings.from_environment(required)
    differing = {field for field in Settings.model_fields if getattr(given, field) != getattr(default, field)}
    assert differing == {"temp_bucket", "service_account", "stream_service_account", "subnetwork", "max_workers"}


def test_a_setting_names_what_was_made(everything: Applied) -> None:
    settings = everything.settings
    assert {bucket["name"] for bucket in everything.of("google_storage_bucket")} == {
        settings["LOGLINE_BUCKET"],
        settings["LOGLINE_TEMP_BUCKET"],
    }
    assert {dataset["dataset_id"] for dataset in everything.of("google_bigquery_dataset")} == {
        settings["LOGLINE_DATASET"],
        settings["LOGLINE_STAGING_DATASET"],
    }
    topics = {topic["name"] for topic in everything.of("google_pubsub_topic")}
    assert topics == {settings["LOGLINE_TOPIC"], settings["LOGLINE_ARRIVALS_TOPIC"]}
    (subnetwork,) = everything.of("google_compute_subnetwork")
    assert settings["LOGLINE_SUBNETWORK"] == f"regions/{subnetwork['region']}/subnetworks/{subnetwork['name']}"
    (secret,) = everything.of("google_secret_manager_secret")
    assert settings["LOGLINE_ANONYMISE_KEY_FILE"] == f"{secret['id']}/versions/latest"


def test_an_existing_subnetwork_and_key_are_used_and_none_made(module: Module) -> None:
    subnetwork = "projects/host/regions/us-central1/subnetworks/shared"
    variables = ("project=my-project", f"kms_key={KEY}", f"subnetwork={subnetwork}", "location=us-central1")
    found = module.apply(*(f"-var={variable}" for variable in variables))
    assert (found.settings["LOGLINE_KMS_KEY"], found.settings["LOGLINE_SUBNETWORK"]) == (KEY, subnetwork)
    assert not {one["type"] for one in found.resources.values()} & {"google_kms_crypto_key", "google_compute_network"}
    Settings.from_environment(found.settings)


def documented_grants() -> Iterator[tuple[str, str, str]]:
    """Account, role and where it is granted, from the table of docs/deploy.md."""
    for accounts, roles, on, _ in re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \| (.+?) \|$", DEPLOY, re.MULTILINE):
        for account in accounts.split(", "):
            if account in ("airflow", "batch", "stream", "publisher"):
                yield from ((account, role, on) for role in re.findall("`(.+?)`", roles))


def test_each_account_has_the_roles_of_the_docs_and_no_other(everything: Applied) -> None:
    granted = Counter(
        (
            one["values"]["member"].removeprefix("serviceAccount:logline-").partition("@")[0],
            one["values"]["role"].rpartition("/roles/")[2],
            GRANTED_ON[address.partition("[")[0]],
        )
        for address, one in everything.resources.items()
        if "_iam_member." in address and not address.startswith(OF_OTHERS)
    )
    # Of workers there are two, each an account of its own.
    assert granted.pop(("airflow", "roles/iam.serviceAccountUser", "accounts of the workers")) == 2
    granted["airflow", "roles/iam.serviceAccountUser", "accounts of the workers"] = 1
    assert granted == Counter(documented_grants())


def test_the_custom_roles_are_those_of_the_docs(applied: Applied) -> None:
    made = {role["role_id"]: sorted(role["permissions"]) for role in applied.of("google_project_iam_custom_role")}
    documented = {
        name: sorted(re.findall("`(.+?)`", permissions))
        for name, permissions in re.findall(r"^- `(logline\w+)`: (.+)$", DEPLOY, re.MULTILINE)
    }
    assert made == documented


def test_every_service_in_use_is_enabled(applied: Applied, everything: Applied) -> None:
    for one in (applied, everything):
        enabled = {service["service"] for service in one.of("google_project_service")}
        types = {resource["type"].removeprefix("google_") for resource in one.resources.values()}
        needed = {service for start, service in SERVICES.items() if any(kind.startswith(start) for kind in types)}
        assert {f"{service}.googleapis.com" for service in needed | {"bigquerystorage", "dataflow"}} <= enabled


def test_dataflow_bears_the_subscription(applied: Applied) -> None:
    subscription, _ = sorted(applied.of("google_pubsub_subscription"), key=lambda one: one["name"] != "log-stream")
    for refused in ("dead_letter_policy", "retry_policy", "push_config", "bigquery_config"):
        assert subscription[refused] == []
    assert not subscription["enable_message_ordering"]
    assert not subscription["enable_exactly_once_delivery"]


def test_the_bucket_may_tell_of_new_logs(applied: Applied) -> None:
    settings = Settings.from_environment(applied.settings)
    (notification,) = applied.of("google_storage_notification")
    assert notification["bucket"] == settings.bucket
    assert notification["topic"].endswith(f"/topics/{settings.arrivals_topic}")
    assert settings.source.startswith(f"gs://{settings.bucket}/{notification['object_name_prefix']}")
    granted = applied.resources["google_pubsub_topic_iam_member.arrivals"]["values"]
    assert (granted["topic"], granted["role"]) == (settings.arrivals_topic, "roles/pubsub.publisher")
    assert granted["member"].startswith("serviceAccount:storage@")


def test_workers_have_no_way_out_of_google_unless_asked_for(applied: Applied, everything: Applied) -> None:
    (subnetwork,) = applied.of("google_compute_subnetwork")
    assert subnetwork["private_ip_google_access"] is True
    (rule,) = applied.of("google_compute_firewall")
    assert [(one["protocol"], one["ports"]) for one in rule["allow"]] == [("tcp", ["12345-12346"])]
    assert rule["source_tags"] == rule["target_tags"] == ["dataflow"]
    assert rule["source_ranges"] is None or not rule["source_ranges"]
    assert not applied.of("google_compute_router_nat")
    assert len(everything.of("google_compute_router_nat")) == 1


def test_no_rule_deletes_a_log_unless_asked_for(applied: Applied, everything: Applied) -> None:
    def rules(one: Applied, name: str) -> list[Any]:
        (bucket,) = (bucket for bucket in one.of("google_storage_bucket") if bucket["name"] == one.settings[name])
        assert (bucket["uniform_bucket_level_access"], bucket["public_access_prevention"]) == (True, "enforced")
        assert not bucket["force_destroy"]
        return [
            (condition["age"], condition["matches_prefix"])
            for rule in bucket["lifecycle_rule"]
            for condition in rule["condition"]
            if rule["action"][0]["type"] == "Delete"
        ]

    assert rules(applied, "LOGLINE_BUCKET") == []
    assert rules(everything, "LOGLINE_BUCKET") == [(400, ["logs/"])]
    assert rules(applied, "LOGLINE_TEMP_BUCKET") == [(30, ["staging/", "tmp/"])]


def keys_of(block: dict[str, Any], values: dict[str, Any]) -> Iterator[Any]:
    """The values of all arguments of a resource that take a key of Cloud KMS, None where one is not given."""
    yield from (values[name] for name in block["attributes"] if name in ("kms_key_name", "default_kms_key_name"))
    for name, nested in block.get("block_types", {}).items():
        inner = values[name] or [None]
        if any("kms_key_name" in key for key in nested["block"]["attributes"]):
            yield from (one and next(keys_of(nested["block"], one)) for one in inner)
        elif nested["nesting_mode"] != "single":
            yield from (key for one in inner if one for key in keys_of(nested["block"], one))


def test_a_key_encrypts_all_that_can_be_encrypted(applied: Applied, everything: Applied) -> None:
    kept = {
        "google_artifact_registry_repository": 1,
        "google_bigquery_dataset": 2,
        "google_pubsub_topic": 2,
        "google_secret_manager_secret": 1,
        "google_storage_bucket": 2,
    }
    for one, key in ((applied, None), (everything, everything.settings["LOGLINE_KMS_KEY"])):
        encrypted = Counter()
        for resource in one.resources.values():
            if resource["mode"] != "managed" or resource["type"] not in kept:
                continue
            found = set(keys_of(RESOURCES[resource["type"]]["block"], resource["values"])) - {None}
            assert found == ({key} if key else set()), resource["address"]
            # Whoever encrypts is granted the key before the resource is made.
            assert "google_kms_crypto_key_iam_member.agents" in resource["depends_on"]
            encrypted[resource["type"]] += 1
        assert encrypted == {kind: count for kind, count in kept.items() if one.of(kind)}


def test_an_alert_leads_to_its_runbook(everything: Applied) -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "docs" / "operations.md").read_text(encoding="utf-8"), re.MULTILINE)
    anchors = {heading.lower().replace(" ", "-") for heading in headings}
    policies = everything.of("google_monitoring_alert_policy")
    assert len(policies) == 4
    for policy in policies:
        runbooks = policy["documentation"][0]["content"].splitlines()
        assert runbooks
        assert {runbook.partition("#")[2] for runbook in runbooks} <= anchors
        assert policy["notification_channels"]


def test_an_alert_of_a_dag_is_counted(everything: Applied) -> None:
    (metric,) = everything.of("google_logging_metric")
    source = (ROOT / "plugins" / "logline" / "alerts.py").read_text(encoding="utf-8")
    (written,) = re.findall(r'log\.error\("(.+?)%s"', source)
    patterns = re.findall(r'=~ "(.+?)"', metric["filter"])
    assert len(patterns) == 3
    assert all(re.search(pattern.replace(r"\\b", r"\b"), f"ERROR - {written}plan failed") for pattern in patterns)
