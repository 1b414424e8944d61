"""What `provision` makes where there is no Terraform is what the Terraform module makes."""

import shutil
from pathlib import Path

import pytest

from logline.arrivals.notifications import EVENT_TYPES, PAYLOAD_FORMAT
from logline.arrivals.source import LogObjects
from logline.settings import Settings
from tests.unit.deploy.module import Applied, initialised


@pytest.fixture
def applied(tmp_path: Path) -> Applied:
    if shutil.which("terraform") is None:
        pytest.skip("needs terraform")
    with initialised(tmp_path / "module") as module:
        return module.apply("-var=project=my-project")


def test_provision_and_the_module_make_the_same(dags, applied: Applied) -> None:
    provision = dags["provision"]
    settings = Settings.from_environment(applied.settings)

    subscriptions = {one["name"]: one for one in applied.of("google_pubsub_subscription")}
    arrivals, asked = subscriptions[settings.arrivals_subscription], provision.get_task("create_arrivals_subscription")
    assert arrivals["ack_deadline_seconds"] == asked.ack_deadline_secs
    assert [policy["ttl"] for policy in arrivals["expiration_policy"]] == [""]
    assert asked.expiration_policy == {}
    (notification,) = applied.of("google_storage_notification")
    told = LogObjects.of(settings).any_day
    assert (notification["bucket"], notification["object_name_prefix"]) == (told.bucket, told.prefix)
    assert (notification["event_types"], notification["payload_format"]) == (EVENT_TYPES, PAYLOAD_FORMAT)

    made, asked = subscriptions[settings.subscription], provision.get_task("create_subscription")
    assert made["ack_deadline_seconds"] == asked.ack_deadline_secs
    assert made["message_retention_duration"] == f"{asked.message_retention_duration['seconds']}s"
    assert [policy["ttl"] for policy in made["expiration_policy"]] == [""]
    assert asked.expiration_policy == {}
    assert asked.dead_letter_policy is asked.message_retry_policy is None
    assert not asked.enable_message_ordering

    datasets = {dataset["dataset_id"]: dataset for dataset in applied.of("google_bigquery_dataset")}
    for task_id, name in (("create_dataset", settings.dataset), ("create_staging_dataset", settings.staging_dataset)):
        reference = provision.get_task(task_id).dataset_reference
        assert datasets[name]["description"] == reference["description"]
        assert str(datasets[name]["default_table_expiration_ms"] or "") == reference.get("defaultTableExpirationMs", "")

    buckets = {bucket["name"]: bucket for bucket in applied.of("google_storage_bucket")}
    (rule,) = provision.get_task("create_temp_bucket").resource["lifecycle"]["rule"]
    conditions = [
        (one["condition"][0]["age"], one["condition"][0]["matches_prefix"])
        for one in buckets[settings.temp_bucket]["lifecycle_rule"]
        if one["action"][0]["type"] == rule["action"]["type"]
    ]
    assert conditions == [(rule["condition"]["age"], rule["condition"]["matchesPrefix"])]
