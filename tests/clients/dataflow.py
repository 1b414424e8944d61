"""Clients of Dataflow: on jobs of the stack's own templates."""

import json
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.clients.case import Client, Workspace, program

GCLOUD = Client("gcloud dataflow", "Dataflow", program("gcloud", "version"), is_slow=True)

CLIENTS = (GCLOUD,)

_DAGS = Path(__file__).parents[2] / "dags"
_REGION = "us-central1"
_LINES = '192.0.2.1 - - [01/Nov/2026:00:00:00 +0000] "GET / HTTP/1.1" 200 5\n' * 10
_SECONDS = 300


def _gcloud(work: Workspace, *arguments: str, track: Sequence[str] = ()) -> Any:
    """Run a command; what it prints as JSON."""
    command = ("gcloud", *track, "dataflow", *arguments, f"--region={_REGION}", "--format=json")
    return json.loads(work.run(*command) or "null")


def _send(verb: str, url: str, body: bytes | None = None) -> Any:
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {os.environ['DATAFLOW_EMULATOR_TOKEN']}",
    }
    request = urllib.request.Request(url, body, headers, method=verb)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
        return json.load(answer)


def _upload(name: str, content: str) -> str:
    """Put an object into the stack's bucket, where it is made if there is none; its address."""
    host, bucket = os.environ["STORAGE_EMULATOR_HOST"], os.environ["LOGLINE_BUCKET"]
    try:
        _send("POST", f"{host}/storage/v1/b?project={_project()}", json.dumps({"name": bucket}).encode())
    except urllib.error.HTTPError as error:
        if error.code != 409:
            raise
    _send("POST", f"{host}/upload/storage/v1/b/{bucket}/o?uploadType=media&name={name}", content.encode())
    return f"gs://{bucket}/{name}"


def _template(name: str) -> str:
    metadata = json.loads((_DAGS / f"templates/{name}.json").read_text())
    return _upload(f"templates/{name}.json", json.dumps({"image": f"example.dev/logline/{name}", "metadata": metadata}))


def _project() -> str:
    return os.environ["CLOUDSDK_CORE_PROJECT"]


def _jobs() -> str:
    return f"{os.environ['DATAFLOW_EMULATOR_HOST']}/v1b3/projects/{_project()}/locations/{_REGION}"


def _wait(job_id: str, *states: str) -> dict[str, Any]:
    ends = time.monotonic() + _SECONDS
    while True:
        job: dict[str, Any] = _send("GET", f"{_jobs()}/jobs/{job_id}")
        if job["currentState"].removeprefix("JOB_STATE_") in states:
            return job
        assert time.monotonic() < ends, f"{job_id} is {job['currentState']} after {_SECONDS} s"
        time.sleep(0.2)


def _stream(work: Workspace) -> str:
    """A streaming job that runs: of the template stream, with a subscription and tables of its own."""
    pubsub = f"http://{os.environ['PUBSUB_EMULATOR_HOST']}/v1/projects/{_project()}"
    _send("PUT", f"{pubsub}/topics/{work.name}")
    topic = json.dumps({"topic": f"projects/{_project()}/topics/{work.name}"}).encode()
    _send("PUT", f"{pubsub}/subscriptions/{work.name}", topic)
    queries = f"{os.environ['BIGQUERY_EMULATOR_HOST']}/bigquery/v2/projects/{_project()}/queries"
    tables = [
        _ddl(table, work.name)
        for table in ("streamed_requests", "rejected_streamed", "stream_batches", "stream_heartbeats")
    ]
    for sql in (f"CREATE SCHEMA {work.name}", *tables):
        _send("POST", queries, json.dumps({"query": sql, "useLegacySql": False}).encode())
    launch = {
        "jobName": work.name,
        "containerSpecGcsPath": _template("stream"),
        "parameters": {
            "subscription": f"projects/{_project()}/subscriptions/{work.name}",
            "dataset": f"{_project()}.{work.name}",
        },
    }
    job = _send("POST", f"{_jobs()}/flexTemplates:launch", json.dumps({"launchParameter": launch}).encode())["job"]
    _wait(job["id"], "RUNNING")
    return str(job["id"])


def _ddl(table: str, dataset: str) -> str:
    """The statement that makes a table, as `provision` renders it without settings."""
    sql = (_DAGS / f"sql/{table}/schema.sql").read_text()
    sql = re.sub(r"{% include '(.+?)' %}", lambda match: (_DAGS / match[1]).read_text(), sql)
    return re.sub(r"{%.*?%}.*?{% endif %}", "", sql, flags=re.DOTALL).replace("{{ dataset }}", dataset)


@GCLOUD.case("flex-template run, jobs list, show, describe, beta metrics list")
def batch(work: Workspace) -> None:
    source, output = _upload(f"{work.name}/access.log", _LINES), f"gs://{os.environ['LOGLINE_BUCKET']}/{work.name}/out"
    parameters = f"--parameters=source={source},output={output},run_id={work.name},log_format=common"
    run = _gcloud(
        work, "flex-template", "run", work.name, f"--template-file-gcs-location={_template('backfill')}", parameters
    )
    job_id = run["job"]["id"]
    assert (work.name, job_id) in [(job["name"], job["id"]) for job in _gcloud(work, "jobs", "list")]
    assert _wait(job_id, "DONE", "FAILED")["currentState"] == "JOB_STATE_DONE"
    shown = _gcloud(work, "jobs", "show", job_id)
    assert (shown["state"], shown["type"]) == ("Done", "Batch")
    described = _gcloud(work, "jobs", "describe", job_id, "--full")
    assert described["environment"]["sdkPipelineOptions"]["options"]["source"] == source
    metrics = _gcloud(work, "metrics", "list", job_id, track=["beta"])
    assert "TotalVcpuTime" in [metric["name"]["name"] for metric in metrics]


@GCLOUD.case("jobs update-options, drain")
def options(work: Workspace) -> None:
    job_id = _stream(work)
    _gcloud(work, "jobs", "update-options", job_id, "--min-num-workers=2", "--max-num-workers=5")
    assert _wait(job_id, "RUNNING")["runtimeUpdatableParams"] == {"minNumWorkers": 2, "maxNumWorkers": 5}
    _gcloud(work, "jobs", "drain", job_id)
    assert _wait(job_id, "DRAINED", "FAILED")["requestedState"] == "JOB_STATE_DRAINED"


@GCLOUD.case("jobs cancel")
def cancel(work: Workspace) -> None:
    job_id = _stream(work)
    _gcloud(work, "jobs", "cancel", job_id)
    _wait(job_id, "CANCELLED")


@GCLOUD.case("jobs run (a classic template)", not_offered="does not offer POST")
def classic(work: Workspace) -> None:
    _gcloud(work, "jobs", "run", work.name, "--gcs-location=gs://dataflow-templates/latest/Word_Count")


@GCLOUD.case("snapshots list", not_offered="does not offer GET")
def snapshots(work: Workspace) -> None:
    _gcloud(work, "snapshots", "list")
