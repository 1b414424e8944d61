"""Quick questions to the services before a run starts anything: do they answer, and is everything provisioned?

Google's clients retry a refused connection for up to ten minutes. Here nothing is retried, so that a missing bucket, an
installation without `provision`, or an emulator that is down fails at once with one line.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow.providers.google.cloud.hooks.bigquery import BigQueryHook
from airflow.providers.google.cloud.hooks.dataflow import DataflowHook
from airflow.providers.google.cloud.hooks.gcs import GCSHook
from airflow.sdk.exceptions import AirflowFailException
from google.api_core.exceptions import DeadlineExceeded, Forbidden, NotFound, ServiceUnavailable
from google.api_core.retry import Retry, if_exception_type
from google.auth.exceptions import TransportError

from logline.settings import Settings
from logline.uris import split_uri

TIMEOUT_SECONDS = 20
NEVER = Retry(predicate=if_exception_type())


@contextmanager
def answering(service: str, missing: str, forbidden: str) -> Iterator[None]:
    """Turn what a service says into one line."""
    try:
        yield
    except NotFound:
        raise AirflowFailException(missing) from None
    except Forbidden as error:
        raise AirflowFailException(f"{forbidden}: {error.message}") from None
    except (OSError, TransportError, ServiceUnavailable, DeadlineExceeded) as error:
        raise AirflowFailException(
            f"{service} does not answer ({_root_cause(error)}): start it, or correct its address"
        ) from None


def _root_cause(error: BaseException) -> str:
    """Return the innermost reason of a failed connection, for example `[Errno 111] Connection refused`."""
    reason = getattr(error.args[0], "reason", error) if error.args else error
    return str(reason).rpartition(": ")[2] or type(error).__name__


def check_bigquery(settings: Settings) -> None:
    """Fail unless BigQuery answers and both datasets exist."""
    client = BigQueryHook(location=settings.location).get_client(project_id=settings.project)
    for dataset in (settings.dataset, settings.staging_dataset):
        with answering(
            "BigQuery",
            f"dataset {settings.project}.{dataset} is missing: run the provision DAG once",
            f"dataset {settings.project}.{dataset} cannot be read",
        ):
            client.get_dataset(dataset, retry=NEVER, timeout=TIMEOUT_SECONDS)


def check_template(settings: Settings, job: str) -> None:
    """Fail unless Cloud Storage answers and the Flex Template of `job` is there."""
    uri = settings.template_uri(job)
    bucket, name = split_uri(uri)
    with answering("Cloud Storage", f"bucket {bucket} is missing: run the provision DAG once", f"{uri} cannot be read"):
        found = GCSHook().get_conn().bucket(bucket).get_blob(name, retry=NEVER, timeout=TIMEOUT_SECONDS)
    if found is None:
        raise AirflowFailException(f"{uri} is missing: run the provision DAG once")


def check_dataflow(settings: Settings) -> None:
    """Fail unless Dataflow answers."""
    with answering("Dataflow", "", ""):
        jobs = DataflowHook().get_conn().projects().locations().jobs()
        jobs.list(projectId=settings.project, location=settings.region, pageSize=1).execute(num_retries=0)


def check_subscription(settings: Settings) -> None:
    """Fail unless Pub/Sub answers and the streaming job's subscription exists."""
    from airflow.providers.google.cloud.hooks.pubsub import PubSubHook  # seconds to import, and seldom needed

    path = settings.subscription_path
    with answering("Pub/Sub", f"{path} is missing: run the provision DAG once", f"{path} cannot be read"):
        PubSubHook().subscriber_client.get_subscription(subscription=path, retry=None, timeout=TIMEOUT_SECONDS)
