"""Everything logline is told from outside, read from the environment in one place.

Airflow, Composer and the local stack all set environment variables, so these are the only source; the connection
`google_cloud_default` holds the credentials. A DAG file calls `Settings.from_environment` while it is parsed: what is
missing or wrong then shows as an import error of that DAG, one line for each variable.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from logline import __version__

_PROJECT = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_DATASET = re.compile(r"[A-Za-z0-9_]{1,1024}")
_REGION = re.compile(r"[a-z]+-[a-z]+[0-9]+")
# https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names
_PUBSUB = re.compile(r"(?!goog)[A-Za-z][A-Za-z0-9._~+%-]{2,254}")
# As the API's discovery document gives it for jobName.
_JOB = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_LOCATION = re.compile(r"[A-Za-z]+(-[A-Za-z]+[0-9]+)?")
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
# https://cloud.google.com/dataflow/docs/guides/specifying-networks#specifying_a_network_and_a_subnetwork
_SUBNETWORK = re.compile(r"(https://\S+/)?(projects/[^/\s]+/)?regions/[^/\s]+/subnetworks/[^/\s]+")
_MACHINE_TYPE = re.compile(r"[a-z][a-z0-9]*-[a-z0-9-]*[a-z0-9]")
_ACCOUNT = re.compile(r"[^@\s]+@[a-z0-9.-]+")
# https://github.com/distribution/reference/blob/main/reference.go
_REPOSITORY = re.compile(r"[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")

# A message has no sample of lines to tell the format by.
STREAM_FORMATS = (
    "article", "aws_alb", "aws_cloudfront", "caddy", "cloud_load_balancing", "combined", "combined_s", "combined_us",
    "common", "nginx_json", "nginx_timed", "traefik", "vhost_combined",
)  # fmt: skip

_ANONYMISE = ("none", "truncate", "hash")


class SettingsError(ValueError):
    """One or more settings are missing or wrong; the message has one line for each."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The configuration of one logline installation.

    Attributes:
        project: Google Cloud project (`LOGLINE_PROJECT`, else `GOOGLE_CLOUD_PROJECT`).
        region: Dataflow region (`LOGLINE_REGION`).
        location: location of the bucket and the datasets (`LOGLINE_LOCATION`).
        bucket: bucket of the logs, staging files and templates, without `gs://` (`LOGLINE_BUCKET`).
        dataset: dataset of the tables (`LOGLINE_DATASET`).
        staging_dataset: dataset of the tables that live as long as one backfilled day (`LOGLINE_STAGING_DATASET`).
        poll_seconds: seconds between two looks at something awaited (`LOGLINE_POLL_SECONDS`).
        wait_for_files_hours: hours a run waits for its files before it fails (`LOGLINE_WAIT_FOR_FILES_HOURS`).
        image_repository: where the images of the Dataflow jobs are (`LOGLINE_IMAGE_REPOSITORY`).
        image_version: tag of these images (`LOGLINE_IMAGE_VERSION`).
        machine_type: Compute Engine type of the Dataflow workers (`LOGLINE_MACHINE_TYPE`).
        max_workers: most workers of one Dataflow job (`LOGLINE_MAX_WORKERS`).
        service_account: service account of the Dataflow workers (`LOGLINE_SERVICE_ACCOUNT`).
        network: network of the Dataflow workers (`LOGLINE_NETWORK`).
        subnetwork: subnetwork of the Dataflow workers (`LOGLINE_SUBNETWORK`).
        public_addresses: whether these workers have public addresses, yes or no (`LOGLINE_PUBLIC_ADDRESSES`).
        max_bytes_billed: bytes one query may bill before BigQuery refuses it (`LOGLINE_MAX_BYTES_BILLED`).
        landing_expiry_days: days after the day of a line (for rejected lines, after they were rejected) when its row
            leaves the landing tables; None: never (`LOGLINE_LANDING_EXPIRY_DAYS`).
        staging_expiry_hours: hours after which a staging table that nobody has dropped expires
            (`LOGLINE_STAGING_EXPIRY_HOURS`).
        topic: Pub/Sub topic of the live log lines (`LOGLINE_TOPIC`).
        dead_letter_topic: topic of messages that were delivered in vain too often (`LOGLINE_DEAD_LETTER_TOPIC`).
        subscription: subscription of the streaming job (`LOGLINE_SUBSCRIPTION`).
        stream_job: name of the streaming job (`LOGLINE_STREAM_JOB`).
        stream_log_format: format of the live lines (`LOGLINE_STREAM_LOG_FORMAT`).
        restart_budget: ends of the streaming job within the window before it is left alone (`LOGLINE_RESTART_BUDGET`).
        restart_window_minutes: the window (`LOGLINE_RESTART_WINDOW_MINUTES`).
        restart_pause_seconds: pause before the second restart, doubled for each one more
            (`LOGLINE_RESTART_PAUSE_SECONDS`).
        max_start_minutes: minutes the streaming job may take to start (`LOGLINE_MAX_START_MINUTES`).
        max_drain_minutes: minutes a drain or an update may take (`LOGLINE_MAX_DRAIN_MINUTES`).
        max_lag_seconds: seconds the stream may be behind (`LOGLINE_MAX_LAG_SECONDS`).
        max_freshness_minutes: minutes without a new row before somebody is called; None: lines may stay away
            (`LOGLINE_MAX_FRESHNESS_MINUTES`).
        max_rejected_percent: share of the live lines that may be rejected (`LOGLINE_MAX_REJECTED_PERCENT`).
        late_days: days after which late lines no longer make a day of `requests` be rebuilt (`LOGLINE_LATE_DAYS`).
        notifiers: who is told of a failed task, JSON (`LOGLINE_NOTIFIERS`, see `logline.alerts`).
        anonymise: what becomes of client addresses: none, truncate or hash (`LOGLINE_ANONYMISE`, see docs/parser.md).
        anonymise_key_file: gs:// file with the key of the hashes (`LOGLINE_ANONYMISE_KEY_FILE`).
        redact_query_secrets: whether secrets in URLs are redacted, yes or no (`LOGLINE_REDACT_QUERY_SECRETS`).
        runbooks: where the runbooks are, a path or an address to which `#heading` can be added (`LOGLINE_RUNBOOKS`).
        job_page: address of the page of a Dataflow job, with `{project}`, `{region}` and `{job_id}`
            (`LOGLINE_JOB_PAGE`).
        backfill_deadline_hours: hours after the time it was due when a nightly run of `log_backfill` that has not ended
            is an alert (`LOGLINE_BACKFILL_DEADLINE_HOURS`).
    """

    project: str
    region: str
    location: str
    bucket: str
    dataset: str
    staging_dataset: str
    poll_seconds: int
    wait_for_files_hours: int
    image_repository: str
    image_version: str
    machine_type: str | None
    max_workers: int | None
    service_account: str | None
    network: str | None
    subnetwork: str | None
    public_addresses: bool
    max_bytes_billed: int
    landing_expiry_days: int | None
    staging_expiry_hours: int
    topic: str
    dead_letter_topic: str
    subscription: str
    stream_job: str
    stream_log_format: str
    restart_budget: int
    restart_window_minutes: int
    restart_pause_seconds: int
    max_start_minutes: int
    max_drain_minutes: int
    max_lag_seconds: int
    max_freshness_minutes: int | None
    max_rejected_percent: int
    late_days: int
    notifiers: str
    anonymise: str
    anonymise_key_file: str | None
    redact_query_secrets: bool
    runbooks: str
    job_page: str
    backfill_deadline_hours: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read the settings from `environment` (default: the process's own).

        Raises:
            SettingsError: naming every setting that is missing or wrong.
        """
        values = _Values(os.environ if environment is None else environment)
        project = values.text(
            "LOGLINE_PROJECT",
            default=values.environment.get("GOOGLE_CLOUD_PROJECT"),
            must="be a Google Cloud project id",
            valid=_PROJECT.fullmatch,
        )
        region = values.text("LOGLINE_REGION", default="us-central1", must="be a region", valid=_REGION.fullmatch)
        dataset = values.text("LOGLINE_DATASET", default="logline", must="be a dataset id", valid=_DATASET.fullmatch)
        anonymise = values.text(
            "LOGLINE_ANONYMISE",
            default="none",
            must=f"be one of {', '.join(_ANONYMISE)}",
            valid=_ANONYMISE.__contains__,
        )
        topic = values.text("LOGLINE_TOPIC", default="log-lines", must="be a topic id", valid=_PUBSUB.fullmatch)
        settings = cls(
            project=project,
            region=region,
            location=values.text(
                "LOGLINE_LOCATION",
                default="US",
                must="be a location such as US or us-central1",
                valid=_LOCATION.fullmatch,
            ),
            bucket=values.text("LOGLINE_BUCKET", must="be a bucket name without gs://", valid=_BUCKET.fullmatch),
            dataset=dataset,
            staging_dataset=values.text(
                "LOGLINE_STAGING_DATASET",
                default=f"{dataset}_staging",
                must="be a dataset id other than LOGLINE_DATASET",
                valid=lambda text: _DATASET.fullmatch(text) and text != dataset,
            ),
            poll_seconds=values.count("LOGLINE_POLL_SECONDS", default=10),
            wait_for_files_hours=values.count("LOGLINE_WAIT_FOR_FILES_HOURS", default=18),
            image_repository=values.text(
                "LOGLINE_IMAGE_REPOSITORY",
                default=f"{region}-docker.pkg.dev/{project}/logline",
                must="be an image path without tag and without / at its end",
                valid=_REPOSITORY.fullmatch,
            ),
            image_version=values.text(
                "LOGLINE_IMAGE_VERSION", default=__version__, must="be an image's tag", valid=_TAG.fullmatch
            ),
            machine_type=values.optional(
                "LOGLINE_MACHINE_TYPE", "be a Compute Engine machine type", _MACHINE_TYPE.fullmatch
            ),
            max_workers=values.optional_count("LOGLINE_MAX_WORKERS"),
            service_account=values.optional(
                "LOGLINE_SERVICE_ACCOUNT", "be the e-mail address of a service account", _ACCOUNT.fullmatch
            ),
            network=values.optional("LOGLINE_NETWORK", "be a network's name", _NAME.fullmatch),
            subnetwork=values.optional(
                "LOGLINE_SUBNETWORK", "be regions/REGION/subnetworks/NAME", _SUBNETWORK.fullmatch
            ),
            public_addresses=values.text(
                "LOGLINE_PUBLIC_ADDRESSES", default="no", must="be yes or no", valid=("yes", "no").__contains__
            )
            == "yes",
            max_bytes_billed=values.count("LOGLINE_MAX_BYTES_BILLED", default=10**12),
            landing_expiry_days=values.optional_count("LOGLINE_LANDING_EXPIRY_DAYS"),
            staging_expiry_hours=values.count("LOGLINE_STAGING_EXPIRY_HOURS", default=72),
            topic=topic,
            dead_letter_topic=values.text(
                "LOGLINE_DEAD_LETTER_TOPIC",
                default=f"{topic}-dead-letter",
                must="be a topic id other than LOGLINE_TOPIC",
                valid=lambda text: _PUBSUB.fullmatch(text) and text != topic,
            ),
            subscription=values.text(
                "LOGLINE_SUBSCRIPTION", default="log-stream", must="be a subscription id", valid=_PUBSUB.fullmatch
            ),
            stream_job=values.text(
                "LOGLINE_STREAM_JOB", default="log-stream", must="be a Dataflow job name", valid=_JOB.fullmatch
            ),
            stream_log_format=values.text(
                "LOGLINE_STREAM_LOG_FORMAT",
                default="article",
                must=f"be one of {', '.join(STREAM_FORMATS)}, or the server's own format string",
                valid=lambda text: text in STREAM_FORMATS or "%" in text or "$" in text,
            ),
            restart_budget=values.count("LOGLINE_RESTART_BUDGET", default=5),
            restart_window_minutes=values.count("LOGLINE_RESTART_WINDOW_MINUTES", default=60),
            restart_pause_seconds=values.count("LOGLINE_RESTART_PAUSE_SECONDS", default=60),
            max_start_minutes=values.count("LOGLINE_MAX_START_MINUTES", default=15),
            max_drain_minutes=values.count("LOGLINE_MAX_DRAIN_MINUTES", default=30),
            max_lag_seconds=values.count("LOGLINE_MAX_LAG_SECONDS", default=300),
            max_freshness_minutes=values.optional_count("LOGLINE_MAX_FRESHNESS_MINUTES"),
            max_rejected_percent=values.count("LOGLINE_MAX_REJECTED_PERCENT", default=10),
            late_days=values.count("LOGLINE_LATE_DAYS", default=30),
            notifiers=values.text("LOGLINE_NOTIFIERS", default="[]"),
            anonymise=anonymise,
            anonymise_key_file=values.text(
                "LOGLINE_ANONYMISE_KEY_FILE",
                must="be the file with the key, since LOGLINE_ANONYMISE is hash",
            )
            if anonymise == "hash"
            else None,
            redact_query_secrets=values.text(
                "LOGLINE_REDACT_QUERY_SECRETS", default="no", must="be yes or no", valid=("yes", "no").__contains__
            )
            == "yes",
            runbooks=values.text("LOGLINE_RUNBOOKS", default="docs/operations.md"),
            job_page=values.text(
                "LOGLINE_JOB_PAGE",
                default="https://console.cloud.google.com/dataflow/jobs/{region}/{job_id}?project={project}",
                must="be an http(s) address with {job_id}",
                valid=lambda text: text.startswith(("http://", "https://")) and "{job_id}" in text,
            ),
            backfill_deadline_hours=values.count("LOGLINE_BACKFILL_DEADLINE_HOURS", default=6),
        )
        if settings.landing_expiry_days is not None and settings.landing_expiry_days <= settings.late_days:
            values.faults.append(
                f"LOGLINE_LANDING_EXPIRY_DAYS must be above LOGLINE_LATE_DAYS ({settings.late_days}), or days would be "
                f"rebuilt from nothing, it is {settings.landing_expiry_days}"
            )
        if values.faults:
            raise SettingsError("\n".join(values.faults))
        return settings

    @property
    def wait_for_files(self) -> timedelta:
        """How long a run waits for its files."""
        return timedelta(hours=self.wait_for_files_hours)

    def has_expired(self, day: date) -> bool:
        """Whether rows of a day leave the landing tables as soon as they come: nothing can be made from them."""
        if self.landing_expiry_days is None:
            return False
        return day + timedelta(days=self.landing_expiry_days) <= datetime.now(UTC).date()

    def template_uri(self, job: str) -> str:
        """Where the Flex Template of `job` lies, for example `gs://BUCKET/templates/backfill.json`."""
        return f"gs://{self.bucket}/templates/{job}.json"

    def image(self, job: str) -> str:
        """The container image of `job`."""
        return f"{self.image_repository}/{job}:{self.image_version}"

    def job_url(self, job_id: str) -> str:
        """The page of a Dataflow job."""
        page = self.job_page.replace("{project}", self.project).replace("{region}", self.region)
        return page.replace("{job_id}", job_id)

    def runbook_url(self, heading: str) -> str:
        """Where the runbook of an alert is."""
        return f"{self.runbooks}#{heading}"

    @property
    def subscription_path(self) -> str:
        """The streaming job's subscription, `projects/PROJECT/subscriptions/ID`."""
        return f"projects/{self.project}/subscriptions/{self.subscription}"

    def anonymising_parameters(self) -> dict[str, str]:
        """The parameters that tell every job which reads lines what to take out of them; none where that is nothing."""
        parameters = {}
        if self.anonymise != "none":
            parameters["anonymise"] = self.anonymise
        if self.anonymise_key_file is not None:
            parameters["anonymise_key_file"] = self.anonymise_key_file
        if self.redact_query_secrets:
            parameters["redact_query_secrets"] = "true"
        return parameters

    def dataflow_environment(self) -> dict[str, Any]:
        """The runtime environment of a Flex Template launch; what is not set is left to Dataflow.

        See https://cloud.google.com/dataflow/docs/reference/rest/v1b3/FlexTemplateRuntimeEnvironment
        """
        environment = {
            "tempLocation": f"gs://{self.bucket}/tmp",  # noqa: S108 (a folder of the bucket)
            "stagingLocation": f"gs://{self.bucket}/tmp/staging",  # noqa: S108
            "machineType": self.machine_type,
            "maxWorkers": self.max_workers,
            "serviceAccountEmail": self.service_account,
            "network": self.network,
            "subnetwork": self.subnetwork,
            "ipConfiguration": "WORKER_IP_PUBLIC" if self.public_addresses else "WORKER_IP_PRIVATE",
        }
        return {name: value for name, value in environment.items() if value is not None}


class _Values:
    """Reads variables and collects what is wrong with them."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.faults: list[str] = []

    def text(
        self,
        name: str,
        *,
        default: str | None = None,
        must: str = "not be empty",
        valid: Callable[[str], object] = bool,
    ) -> str:
        given = self.environment.get(name, "").strip()
        text = given or default or ""
        if not text:
            self.faults.append(f"{name} is not set: it must {must}")
        # A default that was made of a faulty setting is not a second fault.
        elif not valid(text) and (given or not self.faults):
            self.faults.append(f"{name} must {must}, it is {text!r}")
        return text

    def optional(self, name: str, must: str = "not be empty", valid: Callable[[str], object] = bool) -> str | None:
        return self.text(name, must=must, valid=valid) if self.environment.get(name, "").strip() else None

    def optional_count(self, name: str) -> int | None:
        text = self.optional(name)
        if text is None:
            return None
        if not re.fullmatch(r"[0-9]{1,18}", text) or int(text) == 0:
            self.faults.append(f"{name} must be a whole number above 0, it is {text!r}")
            return None
        return int(text)

    def count(self, name: str, *, default: int) -> int:
        return self.optional_count(name) or default
