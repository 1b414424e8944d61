"""Calls of service accounts through Google's own clients: refused with the status and the words of the service."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
import requests
from google.api_core.client_options import ClientOptions
from google.api_core.exceptions import (
    DeadlineExceeded,
    Forbidden,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    from_http_response,
)
from google.cloud import bigquery, storage
from google.cloud.bigquery_storage_v1 import BigQueryReadClient, BigQueryWriteClient, types
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient
from google.oauth2.credentials import Credentials

from emulators.guard.authorized_user import authorized_user
from emulators.guard.iam import project_resource
from local_stack.running import RunningStack
from local_stack.service_accounts import policy, write_policy

pytestmark = pytest.mark.integration

ANN = "ann@logline-local.iam.gserviceaccount.com"
WORKER = "worker@logline-local.iam.gserviceaccount.com"
TOKENS = {ANN: uuid.uuid4().hex * 2, WORKER: uuid.uuid4().hex * 2}
DATASET = "permissions"
BUCKET = "permissions-of-ann"
JOB = "permissions"
SPEC = {
    "image": "logline/backfill:1",
    "sdkInfo": {"language": "PYTHON"},
    "metadata": {"name": JOB, "parameters": []},
}


@dataclass
class Ann:
    """A service account whose permissions a test chooses, and its clients."""

    stack: RunningStack

    def __post_init__(self) -> None:
        config = self.stack.config
        credentials = Credentials.from_authorized_user_info(authorized_user(TOKENS[ANN]))
        address = ClientOptions(api_endpoint=config.url("storage"))
        self.storage = storage.Client(self.stack.project, credentials=credentials, client_options=address)
        self.bucket = self.storage.bucket(BUCKET)
        address = ClientOptions(api_endpoint=config.url("bigquery"))
        self.bigquery = bigquery.Client(self.stack.project, credentials=credentials, client_options=address)
        self.reads = self._grpc(BigQueryReadClient, f"127.0.0.1:{config.ports['bigquery_grpc']}")
        self.writes = self._grpc(BigQueryWriteClient, f"127.0.0.1:{config.ports['bigquery_grpc']}")
        self.publisher = self._grpc(PublisherClient, config.pubsub_host)
        self.subscriber = self._grpc(SubscriberClient, config.pubsub_host)
        self.project = f"projects/{self.stack.project}"
        self.topic, self.subscription = (f"{self.project}/{kind}/permissions" for kind in ("topics", "subscriptions"))
        self.table = f"{self.project}/datasets/{DATASET}/tables/t"

    def may(self, *permissions: str, on: str | None = None, jobs: bool = False) -> None:
        """Give her these permissions and no others, and those of jobs."""
        project, members = project_resource(self.stack.project), [f"serviceAccount:{ANN}"]
        given = policy(self.stack.config)
        given["accounts"] |= TOKENS
        given["custom_roles"] |= {"hers": permissions}
        given["bindings"].append({"resource": on or project, "role": "hers", "members": members})
        if jobs:
            given["bindings"].append({"resource": project, "role": "roles/bigquery.jobUser", "members": members})
        file = self.stack.config.policy_file
        changed = file.with_name("changed.json")
        changed.write_text(json.dumps(given))
        changed.replace(file)

    def _grpc(self, client: Any, target: str) -> Any:
        channel = grpc.intercept_channel(grpc.insecure_channel(target), _Bearer())
        return client(transport=client.get_transport_class("grpc")(channel=channel))

    def query(self, sql: str) -> list[Any]:
        return list(self.bigquery.query_and_wait(sql))

    def load(self) -> None:
        config = bigquery.LoadJobConfig(source_format="CSV", schema=[bigquery.SchemaField("n", "INT64")])
        uri, table = f"gs://{BUCKET}/logs/*.csv", f"{DATASET}.loaded"
        self.bigquery.load_table_from_uri(uri, table, job_config=config).result()

    def launch(self, account: str | None = WORKER) -> str:
        environment = {"serviceAccountEmail": account} if account else {}
        spec = f"gs://{self.stack.bucket}/templates/{JOB}.json"
        launch = {"jobName": JOB, "containerSpecGcsPath": spec, "environment": environment}
        answer = self._dataflow("POST", "flexTemplates:launch", {"launchParameter": launch})
        return str(answer["job"]["id"])

    def cancel(self) -> None:
        self._dataflow("PUT", "jobs/none", {"requestedState": "JOB_STATE_CANCELLED"})

    def list_jobs(self) -> None:
        self._dataflow("GET", "jobs")

    def _dataflow(self, method: str, path: str, body: Any = None) -> Any:
        url = f"{self.stack.config.url('dataflow')}/v1b3/{self.project}/locations/us-central1/{path}"
        headers = {"Authorization": f"Bearer {TOKENS[ANN]}"}
        answer = requests.request(method, url, json=body, headers=headers, timeout=60)
        if not answer.ok:
            raise from_http_response(answer)
        return answer.json()


class _Bearer(grpc.UnaryUnaryClientInterceptor, grpc.StreamStreamClientInterceptor):  # type: ignore[misc]
    def _call(self, continuation: Any, details: Any, request: Any) -> Any:
        entry = ("authorization", f"Bearer {TOKENS[ANN]}")
        return continuation(details._replace(metadata=[*(details.metadata or ()), entry]), request)

    intercept_unary_unary = intercept_stream_stream = _call


@pytest.fixture(scope="module")
def ann(emulators: RunningStack) -> Iterator[Ann]:
    with emulators.storage() as owner, emulators.bigquery() as client, pytest.MonkeyPatch.context() as patch:
        if not owner.bucket(emulators.bucket).exists():
            owner.create_bucket(emulators.bucket)
        owner.bucket(emulators.bucket).blob(f"templates/{JOB}.json").upload_from_string(json.dumps(SPEC))
        bucket = owner.create_bucket(BUCKET)
        bucket.blob("logs/1.csv").upload_from_string("1\n")
        client.query_and_wait(
            f"CREATE SCHEMA {DATASET}; CREATE TABLE {DATASET}.t (n INT64); CREATE VIEW {DATASET}.v AS SELECT n FROM "
            f"{DATASET}.t"
        )
        patch.setenv("PUBSUB_EMULATOR_HOST", emulators.config.pubsub_host)
        made = Ann(emulators)
        with PublisherClient() as publisher, SubscriberClient() as subscriber:
            publisher.create_topic(name=made.topic)
            subscriber.create_subscription(name=made.subscription, topic=made.topic)
        yield made
        client.delete_dataset(DATASET, delete_contents=True)
        write_policy(emulators.config)


JOBS = "bigquery.jobs.create"
READ, WRITE, GET = "bigquery.tables.getData", "bigquery.tables.updateData", "bigquery.tables.get"
TABLE = f"logline-local:{DATASET}.t"
DENIED = f"Access Denied: Table {TABLE}: Permission {{}} denied on table {TABLE} (or it may not exist)."
UNREADABLE = (
    f"Access Denied: Table {TABLE}: User does not have permission to query table {TABLE}, or perhaps it does not exist."
)
OBJECT = (
    f"{ANN} does not have {{}} access to the Google Cloud Storage object. Permission '{{}}' denied on resource (or it "
    "may not exist)."
)
BUCKET_DENIED = OBJECT.replace("object", "bucket", 1)
PUBSUB = "User not authorized to perform this action."

# What she calls, the permission that she lacks, those that it takes beside it, and what she is told.
CALLS: list[tuple[str, Callable[[Ann], Any], str, tuple[str, ...], str]] = [
    ("query", lambda ann: ann.query("SELECT 1"), JOBS, (), "User does not have bigquery.jobs.create permission"),
    ("read", lambda ann: ann.query(f"SELECT n FROM {DATASET}.t"), READ, (JOBS,), UNREADABLE),
    (
        "insert",
        lambda ann: ann.query(f"INSERT INTO {DATASET}.t (n) VALUES (1)"),
        WRITE,
        (JOBS, READ),
        DENIED.format(WRITE),
    ),
    (
        "delete",
        lambda ann: ann.query(f"DELETE FROM {DATASET}.t WHERE n = 7"),
        WRITE,
        (JOBS, READ),
        DENIED.format(WRITE),
    ),
    (
        "script",
        lambda ann: ann.query(
            f"DECLARE n INT64 DEFAULT 7; BEGIN TRANSACTION; DELETE FROM {DATASET}.t WHERE t.n = 7; COMMIT TRANSACTION"
        ),
        READ,
        (JOBS, WRITE),
        UNREADABLE,
    ),
    (
        "create",
        lambda ann: ann.query(f"CREATE TABLE IF NOT EXISTS {DATASET}.t2 (n INT64)"),
        "bigquery.tables.create",
        (JOBS,),
        f"Permission bigquery.tables.create denied on dataset logline-local:{DATASET}",
    ),
    (
        "alter",
        lambda ann: ann.query(f"ALTER TABLE {DATASET}.t ADD COLUMN IF NOT EXISTS m INT64"),
        "bigquery.tables.update",
        (JOBS, GET),
        DENIED.format("bigquery.tables.update"),
    ),
    (
        "drop",
        lambda ann: ann.query(f"DROP TABLE IF EXISTS {DATASET}.t3"),
        "bigquery.tables.delete",
        (JOBS, GET),
        "Permission bigquery.tables.delete denied on table",
    ),
    (
        "create dataset",
        lambda ann: ann.query("CREATE SCHEMA IF NOT EXISTS permissions"),
        "bigquery.datasets.create",
        (JOBS,),
        "User does not have bigquery.datasets.create permission in project logline-local",
    ),
    ("get table", lambda ann: ann.bigquery.get_table(f"{DATASET}.t"), GET, (), DENIED.format(GET)),
    (
        "list tables",
        lambda ann: list(ann.bigquery.list_tables(DATASET)),
        "bigquery.tables.list",
        (),
        f"Permission bigquery.tables.list denied on dataset logline-local:{DATASET}",
    ),
    (
        "update dataset",
        lambda ann: ann.bigquery.update_dataset(bigquery.Dataset(f"logline-local.{DATASET}"), ["labels"]),
        "bigquery.datasets.update",
        (),
        f"Access Denied: Dataset logline-local:{DATASET}: Permission bigquery.datasets.update denied",
    ),
    (
        "load",
        Ann.load,
        "storage.objects.get",
        (JOBS, "bigquery.tables.create", "bigquery.tables.update", WRITE, "storage.objects.list"),
        f"{ANN} does not have storage.objects.get access to the Google Cloud Storage object.",
    ),
    (
        "load into a table",
        Ann.load,
        WRITE,
        (JOBS, "bigquery.tables.create", "bigquery.tables.update", "storage.objects.get", "storage.objects.list"),
        f"Permission {WRITE} denied on table logline-local:{DATASET}.loaded",
    ),
    (
        "read session",
        lambda ann: ann.reads.create_read_session(
            parent=ann.project, read_session=types.ReadSession(table=ann.table, data_format="ARROW")
        ),
        "bigquery.readsessions.create",
        (READ,),
        "Permission 'READSESSIONS_CREATE' denied on resource 'projects/logline-local' (or it may not exist).",
    ),
    (
        "write stream",
        lambda ann: ann.writes.create_write_stream(parent=ann.table, write_stream={"type_": "PENDING"}),
        WRITE,
        (),
        f"Permission 'TABLES_UPDATE_DATA' denied on resource 'projects/logline-local/datasets/{DATASET}/tables/t' (or",
    ),
    (
        "append",
        lambda ann: list(
            ann.writes.append_rows(iter([types.AppendRowsRequest(write_stream=f"{ann.table}/streams/_default")]))
        ),
        WRITE,
        (),
        "Permission 'TABLES_UPDATE_DATA' denied on resource",
    ),
    (
        "list objects",
        lambda ann: list(ann.storage.list_blobs(BUCKET)),
        "storage.objects.list",
        (),
        BUCKET_DENIED.format(*["storage.objects.list"] * 2),
    ),
    (
        "get bucket",
        lambda ann: ann.storage.get_bucket(BUCKET),
        "storage.buckets.get",
        (),
        BUCKET_DENIED.format(*["storage.buckets.get"] * 2),
    ),
    (
        "create bucket",
        lambda ann: ann.storage.create_bucket(f"made-{uuid.uuid4().hex[:8]}"),
        "storage.buckets.create",
        (),
        "does not have storage.buckets.create access to the Google Cloud project.",
    ),
    (
        "notifications",
        lambda ann: list(ann.bucket.list_notifications()),
        "storage.buckets.get",
        (),
        BUCKET_DENIED.format(*["storage.buckets.get"] * 2),
    ),
    (
        "download",
        lambda ann: ann.bucket.blob("logs/1.csv").download_as_bytes(),
        "storage.objects.get",
        (),
        OBJECT.format(*["storage.objects.get"] * 2),
    ),
    (
        "upload",
        lambda ann: ann.bucket.blob(uuid.uuid4().hex).upload_from_string("new"),
        "storage.objects.create",
        (),
        OBJECT.format(*["storage.objects.create"] * 2),
    ),
    (
        "replace",
        lambda ann: ann.bucket.blob("logs/1.csv").upload_from_string("1\n"),
        "storage.objects.delete",
        ("storage.objects.create",),
        OBJECT.format(*["storage.objects.delete"] * 2),
    ),
    (
        "resumable upload",
        lambda ann: ann.bucket.blob("logs/1.csv").create_resumable_upload_session(),
        "storage.objects.delete",
        ("storage.objects.create",),
        OBJECT.format(*["storage.objects.delete"] * 2),
    ),
    (
        "copy",
        lambda ann: ann.bucket.copy_blob(ann.bucket.blob("logs/1.csv"), ann.bucket, "copy"),
        "storage.objects.get",
        ("storage.objects.create", "storage.objects.delete"),
        OBJECT.format(*["storage.objects.get"] * 2),
    ),
    (
        "publish",
        lambda ann: ann.publisher.api.publish(topic=ann.topic, messages=[{"data": b"1"}]),
        "pubsub.topics.publish",
        (),
        PUBSUB,
    ),
    ("get topic", lambda ann: ann.publisher.get_topic(topic=ann.topic), "pubsub.topics.get", (), PUBSUB),
    (
        "pull",
        lambda ann: ann.subscriber.pull(subscription=ann.subscription, max_messages=1, return_immediately=True),
        "pubsub.subscriptions.consume",
        (),
        PUBSUB,
    ),
    (
        "streaming pull",
        lambda ann: next(
            ann.subscriber.streaming_pull(
                iter([{"subscription": ann.subscription, "stream_ack_deadline_seconds": 10}]), timeout=1
            ),
            None,
        ),
        "pubsub.subscriptions.consume",
        (),
        PUBSUB,
    ),
    (
        "attach",
        lambda ann: ann.subscriber.create_subscription(
            name=f"{ann.subscription}-{uuid.uuid4().hex[:8]}", topic=ann.topic
        ),
        "pubsub.topics.attachSubscription",
        ("pubsub.subscriptions.create",),
        PUBSUB,
    ),
    (
        "seek",
        lambda ann: ann.subscriber.seek(
            request={"subscription": ann.subscription, "snapshot": f"{ann.project}/snapshots/none"}
        ),
        "pubsub.snapshots.seek",
        ("pubsub.subscriptions.consume",),
        PUBSUB,
    ),
    (
        "launch",
        Ann.launch,
        "dataflow.jobs.create",
        ("iam.serviceAccounts.actAs",),
        "Permission 'dataflow.jobs.create' denied on project: 'logline-local'",
    ),
    ("cancel", Ann.cancel, "dataflow.jobs.cancel", (), "Permission 'dataflow.jobs.cancel' denied"),
    ("list jobs", Ann.list_jobs, "dataflow.jobs.list", (), "Permission 'dataflow.jobs.list' denied"),
]


@pytest.mark.parametrize(
    ("call", "permission", "others", "words"), [one[1:] for one in CALLS], ids=[one[0] for one in CALLS]
)
def test_a_call_is_refused_for_one_permission_that_is_missing(
    ann: Ann, call: Callable[[Ann], Any], permission: str, others: tuple[str, ...], words: str
) -> None:
    ann.may(*others)
    with pytest.raises((Forbidden, PermissionDenied)) as refused:
        call(ann)
    assert words in refused.value.message
    ann.may(permission, *others)
    # There is no such job or snapshot, no message, no row.
    with suppress(NotFound, DeadlineExceeded, InvalidArgument):
        call(ann)


def test_whoever_reads_a_view_must_be_allowed_to_read_its_tables(ann: Ann) -> None:
    view = f"//bigquery.googleapis.com/{ann.project}/datasets/{DATASET}/tables/v"
    ann.may(READ, on=view, jobs=True)
    with pytest.raises(Forbidden) as refused:
        ann.query(f"SELECT n FROM {DATASET}.v")
    assert UNREADABLE in refused.value.message


def test_a_launch_needs_the_right_to_act_as_the_account_of_its_workers(ann: Ann) -> None:
    ann.may("dataflow.jobs.create")
    for account in (WORKER, None):
        with pytest.raises(Forbidden, match="Current user cannot act as service account"):
            ann.launch(account)
    ann.may("dataflow.jobs.create", "iam.serviceAccounts.actAs")
    ann.launch()


def test_a_job_whose_account_is_no_worker_fails(ann: Ann) -> None:
    ann.may("dataflow.jobs.create", "iam.serviceAccounts.actAs")
    job_id = ann.launch()
    with ann.stack.dataflow() as dataflow:
        (job,) = (job for job in dataflow.jobs(JOB) if job.id == job_id)
    assert job.state == "JOB_STATE_FAILED"


def test_the_agent_of_cloud_storage_must_be_allowed_to_publish(ann: Ann) -> None:
    ann.may("storage.buckets.update")
    with pytest.raises(Forbidden, match="does not have permission to publish messages to the Cloud Pub/Sub topic"):
        ann.bucket.notification(topic_name="permissions", topic_project=ann.stack.project).create()
