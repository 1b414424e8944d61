"""Create everything logline needs in its project.

That is the buckets, both datasets, every table of `dags/sql/**/schema.sql`, every view of `dags/sql/*/view.sql`, and
the Flex Templates of `dags/templates/*.json`; in Pub/Sub the topic of the live lines with the streaming job's
subscription, and the topic and the subscription of `arrivals`; and the notifications of the bucket for these. On Google
Cloud the Terraform module of `deploy/terraform` makes all but tables, views and templates beforehand. Run it once
before anything else, and again after every upgrade:

    airflow dags trigger provision

**Repeat it freely**: what exists is kept, templates and views are replaced. Tables follow their `schema.sql`: a new
column is added at the end, NULL in existing rows; descriptions, clustering, the partition filter and the expiry of
partitions are set. What would lose or change data fails `evolve_tables` with one line, and no table is touched: a
column that is gone from the file, another type, NOT NULL added or removed, another partitioning. Where the template of
the stream is of another version than the running job, the next run of `stream_supervisor` updates that job.

**From release 0.1.0**: pause `stream_supervisor` and drain the streaming job first, then wait until it has been gone
for 90 minutes. `move_rejected_lines` moves the rows of the table `rejected_lines` to `rejected_backfilled` and
`rejected_streamed`, and makes `rejected_lines` a view. BigQuery refuses that while the table takes rows; nothing has
been changed then. A run that was interrupted is simply repeated.

Staging and temporary files are kept for 30 days; tables in the staging dataset expire after
`LOGLINE_STAGING_EXPIRY_HOURS`, should a run not get to drop them. With `LOGLINE_LANDING_EXPIRY_DAYS` rows leave
the landing tables that many days after their own day: an older day cannot be backfilled or rebuilt.
Unread messages are kept for 7 days.
"""

from __future__ import annotations

from pathlib import Path

from airflow.providers.google.cloud.operators.bigquery import BigQueryCreateEmptyDatasetOperator
from airflow.providers.google.cloud.operators.gcs import GCSCreateBucketOperator
from airflow.providers.google.cloud.operators.pubsub import (
    PubSubCreateSubscriptionOperator,
    PubSubCreateTopicOperator,
)
from airflow.sdk import DAG, task

from logline.arrivals.notifications import notify_of_logs
from logline.arrivals.trigger import ACK_DEADLINE_SECONDS
from logline.dag_defaults import task_defaults
from logline.dataflow.templates import upload_template
from logline.labels import NO_DAY
from logline.settings import Settings
from logline.warehouse.migrate_tables import MigrateTablesOperator
from logline.warehouse.move_rejected_lines import TABLE_OF_0_1_0, MoveRejectedLinesOperator
from logline.warehouse.queries import Query, QueryOperator

SETTINGS = Settings.from_environment()
HERE = Path(__file__).parent
TABLES = sorted(path.parent.name for path in HERE.glob("sql/**/schema.sql"))
VIEWS = sorted(path.parent.name for path in HERE.glob("sql/*/view.sql"))
TEMPLATES = sorted(HERE.glob("templates/*.json"))
IN_STAGING = f"{{% set dataset = '{SETTINGS.staging_dataset}' %}}"

with DAG(
    dag_id="provision",
    description="Buckets, datasets, tables, Flex Templates, topics, subscriptions and notifications",
    doc_md=__doc__,
    schedule=None,
    # Two runs at once would only get in each other's way.
    max_active_runs=1,
    max_active_tasks=2,
    tags=["logline", "setup"],
    default_args=task_defaults(SETTINGS, retries=2),
    user_defined_macros={
        "dataset": SETTINGS.dataset,
        "landing_expiry_days": SETTINGS.landing_expiry_days,
        "table_of_0_1_0": TABLE_OF_0_1_0,
        "tables": TABLES,
        "views": VIEWS,
    },
) as dag:
    create_bucket, create_temp_bucket = (
        GCSCreateBucketOperator(
            task_id=task_id,
            task_display_name=name,
            bucket_name=bucket,
            location=SETTINGS.location,
            storage_class="STANDARD",
            project_id=SETTINGS.project,
            resource={
                "iamConfiguration": {"uniformBucketLevelAccess": {"enabled": True}},
                "lifecycle": {
                    "rule": [
                        {"action": {"type": "Delete"}, "condition": {"age": 30, "matchesPrefix": ["staging/", "tmp/"]}}
                    ]
                },
            },
        )
        for task_id, bucket, name in (
            ("create_bucket", SETTINGS.bucket, "Create the bucket of the logs"),
            ("create_temp_bucket", SETTINGS.temp_bucket, "Create the bucket of temporary files"),
        )
    )

    @task(task_display_name="Upload the Flex Templates of the jobs")
    def upload_templates() -> list[str]:
        """Write the container spec of every job to the bucket."""
        return [upload_template(SETTINGS, path) for path in TEMPLATES]

    create_dataset = BigQueryCreateEmptyDatasetOperator(
        task_id="create_dataset",
        task_display_name="Create the dataset of the tables",
        dataset_id=SETTINGS.dataset,
        project_id=SETTINGS.project,
        location=SETTINGS.location,
        dataset_reference={"description": "Web access logs, see the DAGs of the same name"},
    )
    create_staging_dataset = BigQueryCreateEmptyDatasetOperator(
        task_id="create_staging_dataset",
        task_display_name="Create the dataset of staging tables",
        dataset_id=SETTINGS.staging_dataset,
        project_id=SETTINGS.project,
        location=SETTINGS.location,
        dataset_reference={
            "description": "Tables that live as long as one backfilled day",
            "defaultTableExpirationMs": str(SETTINGS.staging_expiry_hours * 3600 * 1000),
        },
    )
    create_tables = QueryOperator(
        task_id="create_tables",
        task_display_name="Create the tables",
        settings=SETTINGS,
        query=Query("{% include 'sql/create_tables.sql' %}", day=NO_DAY),
    )
    evolve_tables = MigrateTablesOperator(
        task_id="evolve_tables",
        task_display_name="Add the columns that this release brings",
        settings=SETTINGS,
        tables=TABLES,
        create=Query(IN_STAGING + "{% include 'sql/create_tables.sql' %}", day=NO_DAY),
        drop=Query(IN_STAGING + "{% include 'sql/drop_tables.sql' %}", day=NO_DAY),
    )
    move_rejected_lines = MoveRejectedLinesOperator(
        task_id="move_rejected_lines",
        task_display_name="Move rejected lines of release 0.1.0",
        settings=SETTINGS,
        set_aside=Query("{% include 'sql/rejected_lines/table_of_0_1_0/set_aside.sql' %}", day=NO_DAY),
        move=Query("{% include 'sql/rejected_lines/table_of_0_1_0/move.sql' %}", day=NO_DAY),
        drop=Query("{% include 'sql/rejected_lines/table_of_0_1_0/drop.sql' %}", day=NO_DAY),
    )
    create_views = QueryOperator(
        task_id="create_views",
        task_display_name="Create the views",
        settings=SETTINGS,
        query=Query("{% include 'sql/create_views.sql' %}", day=NO_DAY),
    )

    create_topic = PubSubCreateTopicOperator(
        task_id="create_topic",
        task_display_name="Create the topic of the lines",
        topic=SETTINGS.topic,
        project_id=SETTINGS.project,
    )
    # No dead-letter and no retry policy: Dataflow supports neither. What cannot be parsed is a rejected line.
    create_subscription = PubSubCreateSubscriptionOperator(
        task_id="create_subscription",
        task_display_name="Create the stream's subscription",
        topic=SETTINGS.topic,
        subscription=SETTINGS.subscription,
        project_id=SETTINGS.project,
        # How long the messages in hand of a killed job wait for the next one; a living job extends its leases.
        ack_deadline_secs=30,
        message_retention_duration={"seconds": 7 * 24 * 3600},
        # Never: the default deletes a subscription after 31 days without a reader.
        expiration_policy={},
    )
    create_arrivals_topic = PubSubCreateTopicOperator(
        task_id="create_arrivals_topic",
        task_display_name="Create the topic of new objects",
        topic=SETTINGS.arrivals_topic,
        project_id=SETTINGS.project,
    )
    create_arrivals_subscription = PubSubCreateSubscriptionOperator(
        task_id="create_arrivals_subscription",
        task_display_name="Create the subscription of new objects",
        topic=SETTINGS.arrivals_topic,
        subscription=SETTINGS.arrivals_subscription,
        project_id=SETTINGS.project,
        ack_deadline_secs=ACK_DEADLINE_SECONDS,
        expiration_policy={},
    )

    @task(task_display_name="Let the bucket tell of new objects")
    def notify_of_objects() -> str:
        """Let the bucket of the logs tell the topic of new objects."""
        return notify_of_logs(SETTINGS)

    templates = upload_templates()
    create_bucket >> [create_temp_bucket, templates]
    create_topic >> create_subscription
    create_arrivals_topic >> create_arrivals_subscription
    [create_bucket, create_arrivals_topic] >> notify_of_objects()
    [create_dataset, create_staging_dataset] >> create_tables >> evolve_tables >> move_rejected_lines >> create_views
    # A running stream is updated to the version of its template: the tables of that version are there by then.
    create_views >> templates
