"""Quick questions to the services before a run starts anything: do they answer, and is everything provisioned?"""

from __future__ import annotations

from airflow.providers.google.cloud.hooks.bigquery import BigQueryHook
from airflow.providers.google.cloud.hooks.dataflow import DataflowHook
from airflow.providers.google.cloud.hooks.gcs import GCSHook
from airflow.sdk.exceptions import AirflowFailException
from google.cloud.storage import Blob

from logline.service_errors import NEVER, TIMEOUT_SECONDS, answering
from logline.settings import Settings
from logline.uris import split_uri


def check_services(settings: Settings, job: str) -> None:
    """Fail unless all that a run with a Dataflow job needs answers and is there; `job` names its Flex Template."""
    if template(settings, job) is None:
        raise AirflowFailException(f"{settings.template_uri(job)} is missing: run the provision DAG once")
    check_bigquery(settings)
    check_dataflow(settings)


def check_bigquery(settings: Settings) -> None:
    """Fail unless BigQuery answers and both datasets exist."""
    client = BigQueryHook(location=settings.location).get_client(project_id=settings.project)
    for dataset in (settings.dataset, settings.staging_dataset):
        name = f"dataset {settings.project}.{dataset}"
        missing = f"{name} is missing: run the provision DAG once"
        with answering("BigQuery", missing=missing, refused=f"{name} cannot be read"):
            client.get_dataset(dataset, retry=NEVER, timeout=TIMEOUT_SECONDS)


def check_dataflow(settings: Settings) -> None:
    """Fail unless Dataflow answers."""
    with answering("Dataflow", refused=f"Dataflow jobs of {settings.project} in {settings.region} cannot be listed"):
        jobs = DataflowHook().get_conn().projects().locations().jobs()
        jobs.list(projectId=settings.project, location=settings.region, pageSize=1).execute(num_retries=0)


def template(settings: Settings, job: str) -> Blob | None:
    """Return the Flex Template of `job` in the bucket; None where there is none."""
    uri = settings.template_uri(job)
    bucket, name = split_uri(uri)
    missing = f"bucket {bucket} is missing: run the provision DAG once"
    with answering("Cloud Storage", missing=missing, refused=f"{uri} cannot be read"):
        return GCSHook().get_conn().bucket(bucket).get_blob(name, retry=NEVER, timeout=TIMEOUT_SECONDS)


def check_subscription(settings: Settings) -> None:
    """Fail unless Pub/Sub answers and the streaming job's subscription exists."""
    from airflow.providers.google.cloud.hooks.pubsub import PubSubHook  # seconds to import, and seldom needed

    path = settings.subscription_path
    missing = f"{path} is missing: run the provision DAG once"
    with answering("Pub/Sub", missing=missing, refused=f"{path} cannot be read"):
        PubSubHook().subscriber_client.get_subscription(subscription=path, retry=None, timeout=TIMEOUT_SECONDS)
