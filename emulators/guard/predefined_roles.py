"""Predefined roles of Google Cloud: https://cloud.google.com/iam/docs/roles-permissions, read 2026-11.

Of each role only what a call of an emulator demands. Add a role before a policy names it.
"""

_READ_OBJECTS = frozenset(
    {"storage.managedFolders.list", "storage.objects.get", "storage.objects.list", "resourcemanager.projects.get"}
)
_READ_TABLES = frozenset(
    {
        *("bigquery.datasets.get", "bigquery.routines.get", "bigquery.routines.list"),
        *("bigquery.tables.export", "bigquery.tables.get", "bigquery.tables.getData", "bigquery.tables.list"),
    }
)

PREDEFINED_ROLES: dict[str, frozenset[str]] = {
    "roles/bigquery.dataViewer": _READ_TABLES,
    "roles/bigquery.dataEditor": _READ_TABLES
    | {
        *("bigquery.datasets.create", "bigquery.tables.create", "bigquery.tables.delete", "bigquery.tables.update"),
        *("bigquery.tables.updateData", "bigquery.routines.create", "bigquery.routines.delete"),
        "bigquery.routines.update",
    },
    "roles/bigquery.jobUser": frozenset({"bigquery.jobs.create", "resourcemanager.projects.get"}),
    "roles/bigquery.readSessionUser": frozenset(
        {"bigquery.readsessions.create", "bigquery.readsessions.getData", "bigquery.readsessions.update"}
    ),
    "roles/dataflow.developer": frozenset(
        {
            *("dataflow.jobs.cancel", "dataflow.jobs.create", "dataflow.jobs.get", "dataflow.jobs.list"),
            *("dataflow.jobs.updateContents", "dataflow.messages.list", "dataflow.metrics.get"),
        }
    ),
    "roles/dataflow.worker": frozenset(
        {
            *("dataflow.jobs.get", "dataflow.workItems.lease", "dataflow.workItems.update"),
            *("storage.buckets.get", "storage.objects.create", "storage.objects.get"),
        }
    ),
    "roles/iam.serviceAccountUser": frozenset({"iam.serviceAccounts.actAs"}),
    "roles/pubsub.publisher": frozenset({"pubsub.topics.publish"}),
    "roles/pubsub.subscriber": frozenset(
        {"pubsub.snapshots.seek", "pubsub.subscriptions.consume", "pubsub.topics.attachSubscription"}
    ),
    "roles/pubsub.viewer": frozenset(
        {
            *("pubsub.schemas.list", "pubsub.snapshots.get", "pubsub.snapshots.list", "pubsub.subscriptions.get"),
            *("pubsub.subscriptions.list", "pubsub.topics.get", "pubsub.topics.list"),
        }
    ),
    "roles/storage.legacyBucketReader": frozenset({"storage.buckets.get", "storage.objects.list"}),
    "roles/storage.objectUser": _READ_OBJECTS
    | {"storage.objects.create", "storage.objects.delete", "storage.objects.update"},
    "roles/storage.objectViewer": _READ_OBJECTS,
    # What these allow, no emulator is asked for.
    "roles/artifactregistry.reader": frozenset(),
    "roles/compute.viewer": frozenset(),
}
