"""All settings, read from the environment in one place.

Airflow, Composer and the local stack all set environment variables, so these are the only source; the connection
`google_cloud_default` holds the credentials. A DAG file calls `Settings.from_environment` while it is parsed: what is
missing or wrong then shows as an import error of that DAG, one line for each variable. So do the page, the plugin and
Airflow's callbacks; everything else is given the settings.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from logline import __version__
from logline.log_formats import is_log_format, log_formats

PREFIX = "LOGLINE_"
_BUCKET = r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]"
_SOURCE = rf"gs://{_BUCKET}/\S*[^/\s]"
_DATASET = r"[A-Za-z0-9_]{1,1024}"
# https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names
_PUBSUB = r"(?!goog)[A-Za-z][A-Za-z0-9._~+%-]{2,254}"
# Also of a job, as the API's discovery document gives it for jobName.
_NAME = r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?"
# https://cloud.google.com/dataflow/docs/guides/specifying-networks#specifying_a_network_and_a_subnetwork
_SUBNETWORK = r"(https://\S+/)?(projects/[^/\s]+/)?regions/[^/\s]+/subnetworks/[^/\s]+"
# The images' machine code takes a processor with AVX2: see docker/beam.Dockerfile.
_MACHINE_TYPE = r"[a-z][a-z0-9]*-[a-z0-9-]*[a-z0-9]"
_ACCOUNT = r"[^@\s]+@[a-z0-9.-]+"
# Availability and speed in percent, below 100, for there must be an error budget; milliseconds.
_OBJECTIVE = r"[0-9]{1,2}(\.[0-9]{1,4})? [0-9]{1,2}(\.[0-9]{1,4})? [1-9][0-9]{0,6}"
_KMS_KEY = r"projects/[^/\s]+/locations/[^/\s]+/keyRings/[^/\s]+/cryptoKeys/[^/\s]+"
# https://github.com/distribution/reference/blob/main/reference.go
_REPOSITORY = r"[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)*"
# What the text of a field must be unless the field says otherwise.
_BY_TYPE = {
    int: ("be a whole number above 0", r"(?=0*[1-9])[0-9]{1,18}"),
    bool: ("be yes or no", "yes|no"),
    str: ("not be empty", r"[\s\S]+"),
}


class SettingsError(ValueError):
    """One or more settings are missing or wrong; the message has one line for each."""


def _setting(
    description: str,
    default: Any = ...,
    *,
    default_factory: Callable[[dict[str, Any]], str | None] | None = None,
    must: str | None = None,
    pattern: str | None = None,
) -> Any:
    """Describe a setting: its default, and what its text must be, a pattern to match in full."""
    given: dict[str, Any] = {"default": default} if default_factory is None else {"default_factory": default_factory}
    return Field(**given, description=description, json_schema_extra={"must": must, "pattern": pattern})


class Settings(BaseSettings):
    """The configuration of one logline installation; the variable of a field is LOGLINE_ and its name."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, validate_default=True)

    project: str = _setting(
        "Google Cloud project", must="be a Google Cloud project id", pattern=r"[a-z][a-z0-9-]{4,28}[a-z0-9]"
    )
    region: str = _setting("Dataflow region", "us-central1", must="be a region", pattern=r"[a-z]+-[a-z]+[0-9]+")
    location: str = _setting(
        "Location of the buckets and the datasets",
        "US",
        must="be a location such as US or us-central1",
        pattern=r"[A-Za-z]+(-[A-Za-z]+[0-9]+)?",
    )
    bucket: str = _setting(
        "Bucket of the logs and templates, without `gs://`", must="be a bucket name without gs://", pattern=_BUCKET
    )
    source: str = _setting(
        "Objects that are logs: what `sweep` and `arrivals` look for, as the Param `source` of `log_backfill`",
        default_factory=lambda known: f"gs://{known['bucket']}/logs/**",
        must="be a pattern of objects such as gs://bucket/logs/**",
        pattern=_SOURCE,
    )
    temp_bucket: str = _setting(
        "Bucket of staging and temporary files",
        default_factory=lambda known: str(known["bucket"]),
        must="be a bucket name without gs://",
        pattern=_BUCKET,
    )
    dataset: str = _setting("Dataset of the tables", "logline", must="be a dataset id", pattern=_DATASET)
    staging_dataset: str = _setting(
        "Dataset of the tables that live as long as one backfilled day",
        default_factory=lambda known: f"{known['dataset']}_staging",
        must="be a dataset id other than LOGLINE_DATASET",
        pattern=_DATASET,
    )
    poll_seconds: int = _setting("Seconds between two looks at something awaited", 10)
    wait_for_files_hours: int = _setting("Hours a run waits for its files before it fails", 18)
    image_repository: str = _setting(
        "Where the images of the Dataflow jobs are",
        default_factory=lambda known: f"{known['region']}-docker.pkg.dev/{known['project']}/logline",
        must="be an image path without tag and without / at its end",
        pattern=_REPOSITORY,
    )
    image_version: str = _setting(
        "Tag of these images", __version__, must="be an image's tag", pattern=r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
    )
    machine_type: str = _setting(
        "Compute Engine type of the Dataflow workers",
        "n2-standard-4",
        must="be a Compute Engine machine type",
        pattern=_MACHINE_TYPE,
    )
    stream_machine_type: str = _setting(
        "Compute Engine type of the workers of the stream",
        "n2-standard-2",
        must="be a Compute Engine machine type",
        pattern=_MACHINE_TYPE,
    )
    max_workers: int | None = _setting("Most workers of one Dataflow job", None)
    unit_gib: int = _setting("Gibibytes of source objects, as they are stored, that one job of a backfill reads", 1000)
    service_account: str | None = _setting(
        "Service account of the Dataflow workers",
        None,
        must="be the e-mail address of a service account",
        pattern=_ACCOUNT,
    )
    stream_service_account: str | None = _setting(
        "Service account of the workers of the stream",
        default_factory=lambda known: known["service_account"],
        must="be the e-mail address of a service account",
        pattern=_ACCOUNT,
    )
    network: str | None = _setting("Network of the Dataflow workers", None, must="be a network's name", pattern=_NAME)
    subnetwork: str | None = _setting(
        "Subnetwork of the Dataflow workers", None, must="be regions/REGION/subnetworks/NAME", pattern=_SUBNETWORK
    )
    public_addresses: bool = _setting("Whether these workers have public addresses, yes or no", False)
    kms_key: str | None = _setting(
        "Cloud KMS key that encrypts what Dataflow keeps, in the region of the jobs",
        None,
        must="be projects/PROJECT/locations/REGION/keyRings/RING/cryptoKeys/KEY",
        pattern=_KMS_KEY,
    )
    max_bytes_billed: int = _setting("Bytes one query may bill before BigQuery refuses it", 10**12)
    late_days: int = _setting("Days after which late lines no longer make a day of `requests` be rebuilt", 30)
    late_requests: int = _setting(
        "Late requests that make their day be summarised at once; fewer wait, from one hour to 24", 1000
    )
    landing_expiry_days: int | None = _setting(
        "Days after the day of a line (for rejected lines, after they were rejected) when its row leaves the landing "
        "tables; None: never",
        None,
    )
    staging_expiry_hours: int = _setting("Hours after which a staging table that nobody has dropped expires", 72)
    topic: str = _setting("Pub/Sub topic of the live log lines", "log-lines", must="be a topic id", pattern=_PUBSUB)
    subscription: str = _setting(
        "Subscription of the streaming job", "log-stream", must="be a subscription id", pattern=_PUBSUB
    )
    arrivals_topic: str = _setting(
        "Topic of the bucket's notifications", "logline-arrivals", must="be a topic id", pattern=_PUBSUB
    )
    arrivals_subscription: str = _setting(
        "Subscription of `arrivals`", "logline-arrivals", must="be a subscription id", pattern=_PUBSUB
    )
    unread_hours: int = _setting("Hours an object may lie in the bucket unread before somebody is called", 2)
    stream_job: str = _setting("Name of the streaming job", "log-stream", must="be a Dataflow job name", pattern=_NAME)
    stream_log_format: str = _setting("Format of the live lines", "article")
    restart_budget: int = _setting("Ends of the streaming job within the window before it is left alone", 5)
    restart_window_minutes: int = _setting("The window", 60)
    restart_pause_seconds: int = _setting("Pause before the second restart, doubled for each one more", 60)
    max_start_minutes: int = _setting("Minutes the streaming job may take to start", 15)
    max_drain_minutes: int = _setting("Minutes a drain or an update may take", 30)
    max_lag_seconds: int = _setting("Seconds the stream may be behind", 300)
    max_silence_minutes: int = _setting(
        "Minutes in which the running stream may land neither a line nor a heartbeat before somebody is called", 15
    )
    max_freshness_minutes: int | None = _setting(
        "Minutes without a new row before somebody is called; None: lines may stay away", None
    )
    max_rejected_percent: int = _setting("Share of the live lines that may be rejected", 10)
    notifiers: str = _setting("Who is told of a failed task, JSON (see `logline.alerts`)", "[]")
    anonymise: str = _setting(
        "What becomes of client addresses: none, truncate or hash (see docs/parser.md)",
        "none",
        must="be one of none, truncate, hash",
        pattern=r"none|truncate|hash",
    )
    anonymise_key_file: str | None = _setting(
        "What holds the key of the hashes: a file on gs://, or a secret's version, "
        "`projects/PROJECT/secrets/SECRET/versions/VERSION`",
        None,
    )
    redact_query_secrets: bool = _setting("Whether secrets in URLs are redacted, yes or no", False)
    own_hosts: str = _setting(
        "Hosts of the site, with commas between them: a referer of one is internal",
        "",
        must="be hosts such as example.org,shop.example.org",
        pattern=r"([a-z0-9-]+(\.[a-z0-9-]+)+(, ?[a-z0-9-]+(\.[a-z0-9-]+)+)*)?",
    )
    objectives: str = _setting(
        "Percent of the requests without a server error, percent of them that are fast, and the milliseconds a fast "
        "one may take: of all hosts, then of hosts with others (see docs/tables.md)",
        "99.9 95 500",
        must="be percentages below 100 and milliseconds, such as `99.9 95 500, shop.example.org 99.95 99 300`",
        pattern=rf"{_OBJECTIVE}(, ?[A-Za-z0-9.:-]+ {_OBJECTIVE})*",
    )
    places: str = _setting(
        "By what country and network of clients are found: registries (countries as the Internet registries say), MMDB "
        "files of IPinfo, DB-IP or MaxMind with commas between them, or none (see docs/parser.md)",
        "registries",
        must="be registries, none, or files that end in .mmdb",
        pattern=r"registries|none|\S(.*\S)?\.mmdb",
    )
    runbooks: str = _setting(
        "Where the runbooks are, a path or an address to which `#heading` can be added", "docs/operations.md"
    )
    job_page: str = _setting(
        "Address of the page of a Dataflow job, with `{project}`, `{region}` and `{job_id}`",
        "https://console.cloud.google.com/dataflow/jobs/{region}/{job_id}?project={project}",
        must="be an http(s) address with {job_id}",
        pattern=r"https?://.*\{job_id\}.*",
    )
    backfill_deadline_hours: int = _setting(
        "Hours after the time it was due when a nightly run of `log_backfill` that has not ended is an alert", 6
    )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read the settings from `environment` (default: the process's own).

        Raises:
            SettingsError: naming every setting that is missing or wrong.
        """
        try:
            return cls(**_Environment(cls, os.environ if environment is None else environment)())
        except ValidationError as error:
            # A default that would be made of a faulty setting is not a second fault.
            faults = [fault for fault in error.errors() if fault["type"] != "default_factory_not_called"]
            raise SettingsError("\n".join(cls._line(str(fault["loc"][0]), fault) for fault in faults)) from None

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, *_: Any, **__: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read nothing but what `from_environment` gives."""
        return (init_settings,)

    @classmethod
    def must(cls, field: str) -> str:
        """Return what the text of a field must be, as "LOGLINE_X must ..." goes on."""
        return cls._rule(field)[0]

    @classmethod
    def _rule(cls, field: str) -> tuple[str, str]:
        info = cls.model_fields[field]
        said: Any = info.json_schema_extra
        kind = next(kind for kind in (bool, int, str) if info.annotation in (kind, kind | None))
        must, pattern = _BY_TYPE[kind]
        if field == "stream_log_format":
            must = f"be one of {', '.join(log_formats('stream'))}, or the server's own format string"
        return said["must"] or must, said["pattern"] or pattern

    @classmethod
    def _line(cls, field: str, fault: Any) -> str:
        variable = PREFIX + field.upper()
        if fault["type"] == "missing":
            return f"{variable} is not set: it must {cls.must(field)}"
        return f"{variable} {fault['ctx']['error']}"

    @field_validator("*", mode="before")
    @classmethod
    def _check(cls, value: Any, info: ValidationInfo) -> Any:
        """Check the text of a variable."""
        field = str(info.field_name)
        must, pattern = cls._rule(field)
        valid = not isinstance(value, str) or bool(re.fullmatch(pattern, value))
        if field == "stream_log_format":
            valid = is_log_format(value, "stream")
        elif field == "staging_dataset":
            valid = valid and value != info.data.get("dataset")
        if not valid:
            raise ValueError(f"must {must}, it is {value!r}")
        return value

    @field_validator("anonymise_key_file")
    @classmethod
    def _check_key_file(cls, value: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("anonymise") != "hash":
            return None
        if value is None:
            raise ValueError("is not set: it must be the file with the key, since LOGLINE_ANONYMISE is hash")
        return value

    @field_validator("landing_expiry_days")
    @classmethod
    def _check_expiry(cls, value: int | None, info: ValidationInfo) -> int | None:
        late_days = info.data.get("late_days")
        if value is not None and late_days is not None and value <= late_days:
            raise ValueError(
                f"must be above LOGLINE_LATE_DAYS ({late_days}), or days would be rebuilt from nothing, it is {value}"
            )
        return value

    @property
    def own_host_names(self) -> list[str]:
        """Return the site's own hosts as `referer_domain` writes them."""
        return [host.strip().removeprefix("www.") for host in self.own_hosts.split(",") if host]

    @property
    def objectives_by_host(self) -> dict[str, tuple[str, str, str]]:
        """Return the figures of `objectives` by host, those of all other hosts under an empty name."""
        found = {}
        for entry in self.objectives.split(","):
            *host, available, fast, milliseconds = entry.split()
            found["".join(host)] = (available, fast, milliseconds)
        return found

    @property
    def wait_for_files(self) -> timedelta:
        """Return how long a run waits for its files."""
        return timedelta(hours=self.wait_for_files_hours)

    def has_expired(self, day: date) -> bool:
        """Return whether rows of a day expire as soon as they land, so that nothing can be made from them."""
        if self.landing_expiry_days is None:
            return False
        return day + timedelta(days=self.landing_expiry_days) <= datetime.now(UTC).date()

    def template_uri(self, job: str) -> str:
        """Return where the Flex Template of `job` is, for example `gs://BUCKET/templates/backfill.json`."""
        return f"gs://{self.bucket}/templates/{job}.json"

    def image(self, job: str) -> str:
        """Return the container image of `job`."""
        return f"{self.image_repository}/{job}:{self.image_version}"

    def job_url(self, job_id: str) -> str:
        """Return the page of a Dataflow job."""
        page = self.job_page.replace("{project}", self.project).replace("{region}", self.region)
        return page.replace("{job_id}", job_id)

    def runbook_url(self, heading: str) -> str:
        """Return where the runbook of an alert is."""
        return f"{self.runbooks}#{heading}"

    @property
    def subscription_path(self) -> str:
        """Return the streaming job's subscription, `projects/PROJECT/subscriptions/ID`."""
        return f"projects/{self.project}/subscriptions/{self.subscription}"

    def line_parameters(self) -> dict[str, str]:
        """Return the parameters that tell a job what to take out of lines and where to look clients up."""
        parameters = {}
        if self.anonymise != "none":
            parameters["anonymise"] = self.anonymise
        if self.anonymise_key_file is not None:
            parameters["anonymise_key_file"] = self.anonymise_key_file
        if self.redact_query_secrets:
            parameters["redact_query_secrets"] = "true"
        if self.places != "registries":
            parameters["places"] = self.places
        return parameters

    def dataflow_environment(self, job: str) -> dict[str, Any]:
        """Return the runtime environment of a launch of `job`'s Flex Template; what is not set is left to Dataflow.

        See https://cloud.google.com/dataflow/docs/reference/rest/v1b3/FlexTemplateRuntimeEnvironment
        """
        environment = {
            "tempLocation": f"gs://{self.temp_bucket}/tmp",  # noqa: S108 (a folder of the bucket)
            "stagingLocation": f"gs://{self.temp_bucket}/tmp/staging",  # noqa: S108
            "machineType": self.stream_machine_type if job == "stream" else self.machine_type,
            "maxWorkers": self.max_workers,
            "serviceAccountEmail": self.stream_service_account if job == "stream" else self.service_account,
            "kmsKeyName": self.kms_key,
            "network": self.network,
            "subnetwork": self.subnetwork,
            "ipConfiguration": "WORKER_IP_PUBLIC" if self.public_addresses else "WORKER_IP_PRIVATE",
        }
        return {name: value for name, value in environment.items() if value is not None}


class _Environment(EnvSettingsSource):
    """Read a mapping; a blank variable is one that is not set."""

    def __init__(self, settings: type[Settings], environment: Mapping[str, str]) -> None:
        self._environment = environment
        super().__init__(settings, case_sensitive=True)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        given = {name: text for name, value in self._environment.items() if (text := value.strip())}
        project = given.get("GOOGLE_CLOUD_PROJECT")
        fields = {name.removeprefix(PREFIX).lower(): given[name] for name in given if name.startswith(PREFIX)}
        return {PREFIX + name: text for name, text in ({"project": project} | fields).items() if text}
