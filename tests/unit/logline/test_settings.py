from datetime import UTC, date, datetime, timedelta

import pytest

from logline import __version__
from logline.settings import Settings, SettingsError

ENVIRONMENT = {"GOOGLE_CLOUD_PROJECT": "logline-local", "LOGLINE_BUCKET": "logline-local"}


def test_only_project_and_bucket_are_required():
    settings = Settings.from_environment(ENVIRONMENT)
    assert settings.project == "logline-local"
    assert (settings.dataset, settings.staging_dataset) == ("logline", "logline_staging")
    assert (settings.region, settings.location, settings.poll_seconds) == ("us-central1", "US", 10)
    assert settings.image("backfill") == f"us-central1-docker.pkg.dev/logline-local/logline/backfill:{__version__}"
    assert settings.template_uri("backfill") == "gs://logline-local/templates/backfill.json"


def test_what_is_not_set_is_left_to_dataflow():
    assert Settings.from_environment(ENVIRONMENT).dataflow_environment("backfill") == {
        "tempLocation": "gs://logline-local/tmp",
        "stagingLocation": "gs://logline-local/tmp/staging",
        "machineType": "n2-standard-4",
        "ipConfiguration": "WORKER_IP_PRIVATE",
    }


def test_the_dataflow_environment_takes_what_is_set():
    settings = Settings.from_environment(
        ENVIRONMENT
        | {
            "LOGLINE_MACHINE_TYPE": "c3-standard-8",
            "LOGLINE_MAX_WORKERS": "8",
            "LOGLINE_SERVICE_ACCOUNT": "worker@logline-local.iam.gserviceaccount.com",
            "LOGLINE_NETWORK": "logs",
            "LOGLINE_SUBNETWORK": "regions/us-central1/subnetworks/logs",
            "LOGLINE_PUBLIC_ADDRESSES": "yes",
            "LOGLINE_TEMP_BUCKET": "logline-temp",
            "LOGLINE_KMS_KEY": "projects/keys/locations/us-central1/keyRings/logs/cryptoKeys/logs",
        }
    )
    environment = settings.dataflow_environment("backfill")
    assert environment["machineType"] == "c3-standard-8"
    assert environment["maxWorkers"] == 8
    assert environment["serviceAccountEmail"] == "worker@logline-local.iam.gserviceaccount.com"
    assert environment["network"] == "logs"
    assert environment["kmsKeyName"] == "projects/keys/locations/us-central1/keyRings/logs/cryptoKeys/logs"
    assert (environment["tempLocation"], environment["stagingLocation"]) == (
        "gs://logline-temp/tmp",
        "gs://logline-temp/tmp/staging",
    )
    assert environment["subnetwork"] == "regions/us-central1/subnetworks/logs"
    assert environment["ipConfiguration"] == "WORKER_IP_PUBLIC"


def test_the_stream_may_have_an_account_of_its_own():
    one, other = "worker@logline-local.iam.gserviceaccount.com", "stream@logline-local.iam.gserviceaccount.com"
    settings = Settings.from_environment(ENVIRONMENT | {"LOGLINE_SERVICE_ACCOUNT": one})
    assert settings.dataflow_environment("stream")["serviceAccountEmail"] == one
    settings = Settings.from_environment(
        ENVIRONMENT | {"LOGLINE_SERVICE_ACCOUNT": one, "LOGLINE_STREAM_SERVICE_ACCOUNT": other}
    )
    assert settings.dataflow_environment("stream")["serviceAccountEmail"] == other
    assert settings.dataflow_environment("replay")["serviceAccountEmail"] == one


def test_the_stream_may_have_machines_of_its_own():
    environment = ENVIRONMENT | {
        "LOGLINE_MACHINE_TYPE": "c3-standard-8",
        "LOGLINE_STREAM_MACHINE_TYPE": "c3-standard-4",
    }
    settings = Settings.from_environment(environment)
    found = [settings.dataflow_environment(job)["machineType"] for job in ("backfill", "replay", "stream")]
    assert found == ["c3-standard-8", "c3-standard-8", "c3-standard-4"]


def test_loglines_own_project_comes_first():
    assert Settings.from_environment(ENVIRONMENT | {"LOGLINE_PROJECT": "other-project"}).project == "other-project"


def test_every_fault_is_named_in_a_line_of_its_own():
    with pytest.raises(SettingsError) as error:
        Settings.from_environment({"LOGLINE_POLL_SECONDS": "soon", "LOGLINE_REGION": "moon"})
    assert str(error.value).splitlines() == [
        "LOGLINE_PROJECT is not set: it must be a Google Cloud project id",
        "LOGLINE_REGION must be a region, it is 'moon'",
        "LOGLINE_BUCKET is not set: it must be a bucket name without gs://",
        "LOGLINE_POLL_SECONDS must be a whole number above 0, it is 'soon'",
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LOGLINE_BUCKET", "gs://logline-local"),
        ("LOGLINE_PROJECT", "demo"),
        ("LOGLINE_LOCATION", "the moon"),
        ("LOGLINE_IMAGE_REPOSITORY", "repository/"),
        ("LOGLINE_IMAGE_VERSION", "1.0 beta"),
        ("LOGLINE_MACHINE_TYPE", "large"),
        ("LOGLINE_STREAM_MACHINE_TYPE", "n2 standard"),
        ("LOGLINE_SERVICE_ACCOUNT", "workers"),
        ("LOGLINE_NETWORK", "projects/p/networks/n"),
        ("LOGLINE_SUBNETWORK", "logs"),
        ("LOGLINE_PUBLIC_ADDRESSES", "maybe"),
        ("LOGLINE_DATASET", "log-line"),
        ("LOGLINE_STAGING_DATASET", "logline"),
        ("LOGLINE_POLL_SECONDS", "0"),
        ("LOGLINE_MAX_WORKERS", "-1"),
        ("LOGLINE_MAX_BYTES_BILLED", "1 GB"),
        ("LOGLINE_TOPIC", "google-lines"),
        ("LOGLINE_SUBSCRIPTION", "projects/p/subscriptions/s"),
        ("LOGLINE_STREAM_JOB", "Log_Stream"),
        ("LOGLINE_STREAM_LOG_FORMAT", "auto"),
        ("LOGLINE_RESTART_BUDGET", "0"),
        ("LOGLINE_MAX_FRESHNESS_MINUTES", "never"),
        ("LOGLINE_ANONYMISE", "yes"),
        ("LOGLINE_REDACT_QUERY_SECRETS", "token"),
    ],
)
def test_a_wrong_value_is_refused_by_name(name, value):
    with pytest.raises(SettingsError, match=name):
        Settings.from_environment(ENVIRONMENT | {name: value})


def test_a_blank_variable_is_one_that_is_not_set():
    assert (
        Settings.from_environment(ENVIRONMENT | {"LOGLINE_PROJECT": " ", "LOGLINE_REGION": ""}).region == "us-central1"
    )


def test_the_process_environment_does_not_mix_with_a_given_one(monkeypatch):
    monkeypatch.setenv("LOGLINE_DATASET", "of_the_process")
    assert Settings.from_environment(ENVIRONMENT).dataset == "logline"
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "logline-local")
    monkeypatch.setenv("LOGLINE_BUCKET", "logline-local")
    assert Settings.from_environment().dataset == "of_the_process"


def test_the_stream_has_names_and_limits_of_its_own():
    settings = Settings.from_environment(ENVIRONMENT | {"LOGLINE_TOPIC": "access"})
    assert settings.topic == "access"
    assert settings.subscription_path == "projects/logline-local/subscriptions/log-stream"
    assert settings.max_freshness_minutes is None


def test_queries_have_a_limit_that_nobody_has_to_set():
    assert Settings.from_environment(ENVIRONMENT).max_bytes_billed == 10**12


def test_a_day_expires_only_where_the_setting_says_so():
    today = datetime.now(UTC).date()
    assert not Settings.from_environment(ENVIRONMENT).has_expired(date(2015, 5, 17))
    settings = Settings.from_environment(ENVIRONMENT | {"LOGLINE_LANDING_EXPIRY_DAYS": "90"})
    assert settings.has_expired(today - timedelta(days=90))
    assert not settings.has_expired(today - timedelta(days=88))
    with pytest.raises(SettingsError, match="LOGLINE_LANDING_EXPIRY_DAYS must be above LOGLINE_LATE_DAYS"):
        Settings.from_environment(ENVIRONMENT | {"LOGLINE_LANDING_EXPIRY_DAYS": "7"})


def test_jobs_are_told_what_to_take_out_of_lines():
    assert Settings.from_environment(ENVIRONMENT).line_parameters() == {}
    with pytest.raises(SettingsError, match="LOGLINE_ANONYMISE_KEY_FILE is not set"):
        Settings.from_environment(ENVIRONMENT | {"LOGLINE_ANONYMISE": "hash"})
    told = {
        "LOGLINE_ANONYMISE": "hash",
        "LOGLINE_ANONYMISE_KEY_FILE": "gs://keys/log",
        "LOGLINE_REDACT_QUERY_SECRETS": "yes",
        "LOGLINE_PLACES": "gs://databases/lite.mmdb",
    }
    assert Settings.from_environment(ENVIRONMENT | told).line_parameters() == {
        "anonymise": "hash",
        "anonymise_key_file": "gs://keys/log",
        "redact_query_secrets": "true",
        "places": "gs://databases/lite.mmdb",
    }


def test_own_hosts_are_written_as_domains_of_referers_are():
    assert Settings.from_environment(ENVIRONMENT).own_host_names == []
    told = ENVIRONMENT | {"LOGLINE_OWN_HOSTS": "www.example.org, shop.example.org"}
    assert Settings.from_environment(told).own_host_names == ["example.org", "shop.example.org"]


# What is read by others: a file, an address, and a list that logline.alerts checks.
FREE_TEXTS = {"LOGLINE_ANONYMISE_KEY_FILE", "LOGLINE_NOTIFIERS", "LOGLINE_RUNBOOKS"}


@pytest.mark.parametrize("name", sorted({f"LOGLINE_{field.upper()}" for field in Settings.model_fields} - FREE_TEXTS))
def test_a_setting_that_is_wrong_is_one_line_that_names_it(name):
    with pytest.raises(SettingsError) as error:
        Settings.from_environment(ENVIRONMENT | {name: "No such thing!"})
    (line,) = str(error.value).splitlines()
    assert line.startswith(f"{name} must ")
    assert "'No such thing!'" in line


def test_objectives_of_all_hosts_and_of_some():
    told = ENVIRONMENT | {"LOGLINE_OBJECTIVES": "99.9 95 500, Shop.example.org:8080 99.95 99 300"}
    assert Settings.from_environment(told).objectives_by_host == {
        "": ("99.9", "95", "500"),
        "Shop.example.org:8080": ("99.95", "99", "300"),
    }


@pytest.mark.parametrize(
    "text", ["100 95 500", "99.9 95", "a.example 99 95 500", "99 95 500 a.example 99 95 500", "99 95 0"]
)
def test_objectives_that_leave_no_budget_or_lack_a_figure(text):
    with pytest.raises(SettingsError, match="LOGLINE_OBJECTIVES must be percentages below 100"):
        Settings.from_environment(ENVIRONMENT | {"LOGLINE_OBJECTIVES": text})
