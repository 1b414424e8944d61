"""Attacks on the emulators of the local stack: by a web page that its user visits, and by callers without its secret.

Each succeeded before there was `emulators/guard`. The same calls by the stack's own clients pass.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.client import BadStatusLine, HTTPConnection
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.api_core.exceptions import PermissionDenied
from google.cloud import bigquery
from google.cloud import dataflow_v1beta3 as api

from local_stack.clients.dataflow import DataflowError
from local_stack.config import PORTS, REPOSITORY
from local_stack.running import RunningStack, running_stack
from tests.integration.emulators.dataflow.conftest import eventually

pytestmark = pytest.mark.integration

EVIL = "http://evil.example"
SETUP = b"import pathlib; pathlib.Path('/tmp/logline-attacked').write_text('code ran')"
LAUNCH = "/v1b3/projects/logline-local/locations/us-central1/flexTemplates:launch"
QUERY = "/bigquery/v2/projects/logline-local/queries"
TOPICS = "/v1/projects/logline-local/topics"
UPLOAD = "/upload/storage/v1/b/logline-local/o?uploadType=media&name=setup.py"
INLINE = {"image": "example.dev/backfill"}
READ_PASSWORDS = {"source": "/etc/passwd", "output": "gs://logline-local/stolen", "run_id": "x", "log_format": "common"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """Emulators of their own, with the bucket and a template that names what no template may."""
    with running_stack(tmp_path_factory.mktemp("attacks"), airflow=False) as made, made.storage() as storage:
        bucket = storage.create_bucket(made.bucket)
        names = ["source", "output", "run_id", "log_format"]
        for template, more in (("backfill", []), ("evil", ["setup_file", "runner", "dataflow_endpoint"])):
            metadata = {"parameters": [{"name": name, "isOptional": True} for name in names + more]}
            spec = {"image": "example.dev/backfill", "metadata": metadata}
            bucket.blob(f"templates/{template}.json").upload_from_string(json.dumps(spec))
        bucket.blob("logs/access.log").upload_from_string(
            '192.0.2.1 - - [01/Nov/2026:00:00:00 +0000] "GET / HTTP/1.1" 200 5\n'
        )
        yield made


def call(
    stack: RunningStack, server: str, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """A request with exactly these headers, and Host where it is not given; the status, the headers and the body."""
    connection = HTTPConnection("127.0.0.1", stack.config.ports[server], timeout=60)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.putrequest(method, path, skip_host="Host" in names, skip_accept_encoding=True)
    for name, value in names.items():
        connection.putheader(name, value)
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    answer = connection.getresponse()
    try:
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def refused(answer: tuple[int, dict[str, str], bytes], why: str) -> None:
    status, headers, body = answer
    assert status == 403, body
    error = json.loads(body)["error"]
    assert (error["code"], error["status"]) == (403, "PERMISSION_DENIED")
    assert why in error["message"]
    assert "\n" not in error["message"]
    assert not [name for name in headers if name.startswith("access-control-")]


def launch(name: str, **parameter: Any) -> bytes:
    return json.dumps({"launchParameter": {"jobName": name, **parameter}}).encode()


PAGE_POSTS = [
    pytest.param("storage", UPLOAD, SETUP, id="a: upload setup.py"),
    pytest.param(
        "dataflow",
        LAUNCH,
        launch("a", containerSpec=INLINE, parameters={"runner": "DataflowRunner", "setup_file": "/tmp/setup.py"}),
        id="a: launch with setup.py",
    ),
    pytest.param(
        "dataflow", LAUNCH, launch("b", containerSpec=INLINE, parameters=READ_PASSWORDS), id="b: read /etc/passwd"
    ),
    pytest.param("bigquery", QUERY, b'{"query": "SELECT * FROM read_text(\'/etc/hostname\')"}', id="c: read_text"),
    pytest.param("bigquery", QUERY, b'{"query": "COPY (SELECT 1) TO \'/tmp/x.py\'"}', id="c: COPY TO"),
    pytest.param("bigquery", "/bigquery/v2/projects/logline-local/jobs", b'{"configuration": {}}', id="jobs.insert"),
    pytest.param("pubsub", f"{TOPICS}/logs:publish", b'{"messages": [{"data": "eA=="}]}', id="publish"),
    pytest.param("pubsub", "/google.pubsub.v1.Publisher/CreateTopic", b"\0\0\0\0\0", id="gRPC over HTTP/1.1"),
]


@pytest.mark.parametrize(
    ("server", "path"),
    [("storage", UPLOAD), ("dataflow", LAUNCH), ("bigquery", QUERY), ("pubsub", f"{TOPICS}/logs:publish")],
)
def test_whoever_is_refused_is_told_so_whatever_was_sent(stack: RunningStack, server: str, path: str) -> None:
    body = b"x" * 900_000  # more than is read at once: a connection closed with unread bytes is reset
    refused(call(stack, server, "POST", path, body, Origin=EVIL), f"Origin '{EVIL}' is refused")


@pytest.mark.parametrize(("server", "path", "body"), PAGE_POSTS)
@pytest.mark.parametrize("content_type", ["text/plain", "application/json"])
def test_a_page_cannot_post(stack: RunningStack, server: str, path: str, body: bytes, content_type: str) -> None:
    by_page = {"Origin": EVIL, "Sec_Fetch_Site": "cross-site", "Content_Type": content_type}
    refused(call(stack, server, "POST", path, body, **by_page), f"Origin '{EVIL}' is refused")
    # A sandboxed frame has no origin to name; a browser may leave out either header.
    refused(call(stack, server, "POST", path, body, Origin="null", Content_Type=content_type), "Origin 'null'")
    refused(call(stack, server, "POST", path, body, Sec_Fetch_Site="cross-site"), "Sec-Fetch-Site 'cross-site'")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
@pytest.mark.parametrize(("server", "path", "body"), PAGE_POSTS[1:])
def test_a_page_cannot_post_though_the_browser_says_nothing_of_it(
    stack: RunningStack, server: str, path: str, body: bytes, content_type: str
) -> None:
    headers = {"Content_Type": content_type} if content_type else {}
    refused(call(stack, server, "POST", path, body, **headers), f"Content-Type {content_type!r} is refused")


PAGE_READS = [
    ("storage", "/storage/v1/b/logline-local/o"),
    ("storage", "/logline-local/templates/backfill.json"),
    ("bigquery", "/bigquery/v2/projects/logline-local/datasets"),
    ("bigquery", "/healthz"),
    ("dataflow", "/v1b3/projects/logline-local/locations/us-central1/jobs"),
    ("pubsub", TOPICS),
]


@pytest.mark.parametrize(("server", "path"), PAGE_READS)
def test_a_page_cannot_read(stack: RunningStack, server: str, path: str) -> None:
    assert call(stack, server, "GET", path)[0] == 200
    for site in ("cross-site", "same-site"):
        refused(call(stack, server, "GET", path, Sec_Fetch_Site=site, Sec_Fetch_Mode="no-cors"), "Sec-Fetch-Site")
    refused(call(stack, server, "GET", path, Origin=EVIL), "Origin")
    preflight = {"Origin": EVIL, "Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "x"}
    refused(call(stack, server, "OPTIONS", path, **preflight), "Origin")


@pytest.mark.parametrize(("server", "path"), PAGE_READS)
def test_a_page_whose_name_was_pointed_here_cannot_read(stack: RunningStack, server: str, path: str) -> None:
    port = stack.config.ports[server]
    for host in (f"evil.example:{port}", "127.0.0.1.evil.example", f"192.168.0.1:{port}"):
        rebound = {"Host": host, "Origin": f"http://{host}", "Sec_Fetch_Site": "same-origin"}
        refused(call(stack, server, "GET", path, **rebound), f"Host {host!r} is refused")
    assert call(stack, server, "GET", path, Host=f"localhost:{port}")[0] == 200


def test_no_link_empties_the_storage(stack: RunningStack) -> None:
    assert call(stack, "storage", "GET", "/wipe")[0] == 501
    assert call(stack, "storage", "GET", "/storage/v1/b/logline-local")[0] == 200


def test_a_page_does_not_get_through_to_the_grpc_servers(stack: RunningStack) -> None:
    # A browser speaks HTTP/2 only over TLS.
    for server in (name for name in PORTS if name.endswith("_grpc")):
        with pytest.raises((BadStatusLine, ConnectionError)):
            call(stack, server, "POST", "/google.dataflow.v1beta3.JobsV1Beta3/GetJob", b"{}", Origin=EVIL)


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "Bearer wrong", "Basic {token}", "Bearer {token}x"])
@pytest.mark.parametrize(("method", "path"), [("POST", LAUNCH), ("PUT", LAUNCH), ("DELETE", "/"), ("POST", "/jobs")])
def test_without_the_secret_nothing_is_started_or_ended(
    stack: RunningStack, method: str, path: str, authorization: str
) -> None:
    given = authorization.format(token=stack.env["DATAFLOW_EMULATOR_TOKEN"])
    body = launch("c", containerSpecGcsPath=f"gs://{stack.bucket}/templates/backfill.json")
    answer = call(stack, "dataflow", method, path, body, Authorization=given, Content_Type="application/json")
    refused(answer, "takes the emulator's token: send Authorization: Bearer with the value of DATAFLOW_EMULATOR_TOKEN")


@pytest.mark.parametrize("metadata", [[], [("authorization", "Bearer wrong")]])
def test_without_the_secret_grpc_starts_and_ends_nothing(stack: RunningStack, metadata: list[tuple[str, str]]) -> None:
    with grpc.insecure_channel(stack.env["DATAFLOW_EMULATOR_GRPC_HOST"]) as channel:
        jobs = api.JobsV1Beta3Client(transport=api.JobsV1Beta3Client.get_transport_class("grpc")(channel=channel))
        transport = api.FlexTemplatesServiceClient.get_transport_class("grpc")(channel=channel)
        templates = api.FlexTemplatesServiceClient(transport=transport)
        for refuse, request in (
            (templates.launch_flex_template, api.LaunchFlexTemplateRequest(project_id=stack.project)),
            (jobs.create_job, api.CreateJobRequest(project_id=stack.project)),
            (jobs.update_job, api.UpdateJobRequest(project_id=stack.project, job_id="1")),
        ):
            with pytest.raises(PermissionDenied, match="takes the emulator's token"):
                refuse(request, metadata=metadata)
        assert list(jobs.list_jobs(api.ListJobsRequest(project_id=stack.project))) is not None


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ({"containerSpec": INLINE}, "containerSpec is refused here"),
        ({"containerSpecGcsPath": "gs://another/evil.json"}, "launches templates of logline-local only"),
        (
            {"parameters": {"source": "/etc/passwd"}},
            "source: Refused: of this machine's files, jobs may use those in no",
        ),
        ({"parameters": {"source": "file:///etc/passwd"}}, "source: Refused: only gs:// is allowed"),
        ({"parameters": {"source": "../../airflow/secrets.json"}}, "source: Refused: a path must not hold .."),
        ({"parameters": {"output": "/root/.config/autostart"}}, "output: Refused"),
        ({"parameters": {"setup_file": "gs://logline-local/setup.py"}}, "setup_file: Unrecognized parameter"),
        (
            {"containerSpecGcsPath": "gs://logline-local/templates/evil.json"},
            "setup_file: Refused: this option of Beam",
        ),
        (
            {"environment": {"additionalPipelineOptions": ["--runner=DataflowRunner"]}},
            "--runner=DataflowRunner: Refused",
        ),
        ({"environment": {"tempLocation": "/etc"}}, "tempLocation: Refused"),
    ],
)
def test_not_even_with_the_secret(stack: RunningStack, wanted: dict[str, Any], why: str) -> None:
    template = (
        {} if "containerSpec" in wanted else {"containerSpecGcsPath": "gs://logline-local/templates/backfill.json"}
    )
    with stack.dataflow() as dataflow, pytest.raises(DataflowError) as refusal:
        dataflow.launch({"jobName": "evil", **template, **wanted})
    assert why in str(refusal.value)


def test_the_stacks_own_clients_pass(stack: RunningStack, tmp_path: Path) -> None:
    with stack.storage() as storage, stack.bigquery() as client:
        blob = storage.bucket(stack.bucket).blob("a.txt", chunk_size=256 * 1024)
        blob.upload_from_string(b"x" * 600_000, content_type="text/plain")  # in chunks
        assert len(blob.download_as_bytes()) == 600_000
        client.create_dataset("attacks", exists_ok=True)
        table = f"{stack.project}.attacks.t"
        config = bigquery.LoadJobConfig(schema=[bigquery.SchemaField("a", "INT64")], source_format="CSV")
        file = tmp_path / "t.csv"
        file.write_text("1\n2\n")
        with file.open("rb") as rows:
            client.load_table_from_file(rows, table, job_config=config).result()
        assert [row.n for row in client.query_and_wait("SELECT count(*) AS n FROM attacks.t")] == [2]
    with stack.dataflow() as dataflow:
        parameters = READ_PASSWORDS | {
            "source": "gs://logline-local/logs/access.log",
            "output": "gs://logline-local/out",
        }
        dataflow.launch(
            {
                "jobName": "good",
                "containerSpecGcsPath": "gs://logline-local/templates/backfill.json",
                "parameters": parameters,
            }
        )
        eventually(lambda: dataflow.jobs("good")[0].state == "JOB_STATE_DONE", 300)
        assert {job.name for job in dataflow.jobs("evil")} == set()
    assert not Path("/tmp/logline-attacked").exists()


def test_a_shell_of_make_env_needs_no_credentials_of_its_own(stack: RunningStack) -> None:
    script = """
import google.auth
from google.cloud import bigquery, storage
from googleapiclient.discovery import build
import os
print([row.n for row in bigquery.Client().query_and_wait("SELECT 7 AS n")])
print([bucket.name for bucket in storage.Client().list_buckets()])
dataflow = build("dataflow", "v1b3", client_options={"api_endpoint": os.environ["DATAFLOW_EMULATOR_HOST"]})
launch = {"jobName": "Bad", "containerSpecGcsPath": "gs://logline-local/none"}
templates = dataflow.projects().locations().flexTemplates()
try:
    templates.launch(projectId="logline-local", location="us-central1", body={"launchParameter": launch}).execute()
except Exception as error:
    print(error.reason)
"""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GOOGLE_")}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**environment, **stack.env},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    figures, buckets, reason = done.stdout.splitlines()
    assert (figures, buckets) == ("[7]", "['logline-local']")
    assert "Invalid job name 'Bad'" in reason
