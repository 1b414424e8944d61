# Who may do what, and nothing else: docs/deploy.md has the same as a table, with the reasons.

locals {
  accounts = {
    airflow   = "Airflow: launches jobs, loads and queries"
    batch     = "Workers of the backfill and of replays"
    stream    = "Workers of the stream"
    publisher = "Web servers: publish log lines"
  }
  workers = toset(["batch", "stream"])

  project_roles = {
    airflow = concat(
      [
        "loglineProvision",
        "roles/bigquery.jobUser",
        "roles/compute.viewer",
        "roles/dataflow.developer",
      ],
      var.composer ? ["roles/composer.worker"] : [],
    )
    batch  = ["roles/bigquery.readSessionUser", "roles/dataflow.worker"]
    stream = ["roles/dataflow.worker"]
  }
  bucket_roles = {
    # It lists logs; it reads none.
    airflow = ["roles/storage.legacyBucketReader"]
    batch   = ["roles/storage.objectViewer"]
  }
  temp_bucket_roles = {
    airflow = ["roles/storage.legacyBucketReader", "roles/storage.objectUser"]
    batch   = ["roles/storage.objectUser"]
    stream  = ["roles/storage.objectUser"]
  }
  dataset_roles = {
    airflow = ["roles/bigquery.dataEditor"]
    stream  = ["roles/bigquery.dataEditor"]
  }
  staging_dataset_roles = {
    airflow = ["loglineStaging", "roles/bigquery.dataEditor"]
    batch   = ["roles/bigquery.dataViewer"]
  }
  topic_roles = {
    # The heartbeats of stream_supervisor.
    airflow   = ["roles/pubsub.publisher"]
    publisher = ["roles/pubsub.publisher"]
  }
  subscription_roles = {
    airflow = ["roles/pubsub.viewer"]
    stream  = ["roles/pubsub.subscriber", "roles/pubsub.viewer"]
  }
  arrivals_subscription_roles = {
    airflow = ["roles/pubsub.subscriber"]
  }

  custom_roles = {
    loglineProvision = google_project_iam_custom_role.provision.name
    loglineStaging   = google_project_iam_custom_role.staging.name
  }

  # What each resource below goes through; its keys, "ACCOUNT ROLE", are known before anything is made.
  grants = {
    for on, roles in {
      project               = local.project_roles
      bucket                = local.bucket_roles
      temp_bucket           = local.temp_bucket_roles
      dataset               = local.dataset_roles
      staging_dataset       = local.staging_dataset_roles
      topic                 = local.topic_roles
      subscription          = local.subscription_roles
      arrivals_subscription = local.arrivals_subscription_roles
      } : on => {
      for grant in flatten([for account, names in roles : [for name in names : { account = account, role = name }]]) :
      "${grant.account} ${grant.role}" => grant
    }
  }
}

resource "google_service_account" "accounts" {
  for_each = local.accounts

  account_id   = "logline-${each.key}"
  display_name = "logline ${each.key}"
  description  = each.value

  depends_on = [google_project_service.apis]
}

# What `provision` asks for although the module has made it: it keeps what exists.
resource "google_project_iam_custom_role" "provision" {
  role_id     = "loglineProvision"
  title       = "logline provision"
  description = "Ask for buckets, datasets, topics and subscriptions that may exist already"
  permissions = [
    "bigquery.datasets.create",
    "pubsub.subscriptions.create",
    "pubsub.topics.attachSubscription",
    "pubsub.topics.create",
    "storage.buckets.create",
  ]

  depends_on = [google_project_service.apis]
}

# On one dataset only: on the project it could open every dataset to anybody.
resource "google_project_iam_custom_role" "staging" {
  role_id     = "loglineStaging"
  title       = "logline staging"
  description = "Set when the tables of the staging dataset expire"
  permissions = ["bigquery.datasets.update"]

  depends_on = [google_project_service.apis]
}

resource "google_project_iam_member" "grants" {
  for_each = local.grants.project

  project = var.project
  role    = lookup(local.custom_roles, each.value.role, each.value.role)
  member  = google_service_account.accounts[each.value.account].member
}

resource "google_storage_bucket_iam_member" "logs" {
  for_each = local.grants.bucket

  bucket = google_storage_bucket.logs.name
  role   = lookup(local.custom_roles, each.value.role, each.value.role)
  member = google_service_account.accounts[each.value.account].member
}

# `provision` replaces the templates; nobody can change or delete a log.
resource "google_storage_bucket_iam_member" "templates" {
  bucket = google_storage_bucket.logs.name
  role   = "roles/storage.objectUser"
  member = google_service_account.accounts["airflow"].member

  condition {
    title      = "templates"
    expression = "resource.name.startsWith(\"projects/_/buckets/${google_storage_bucket.logs.name}/objects/templates/\")"
  }
}

resource "google_storage_bucket_iam_member" "temp" {
  for_each = local.grants.temp_bucket

  bucket = google_storage_bucket.temp.name
  role   = lookup(local.custom_roles, each.value.role, each.value.role)
  member = google_service_account.accounts[each.value.account].member
}

resource "google_bigquery_dataset_iam_member" "logline" {
  for_each = local.grants.dataset

  dataset_id = google_bigquery_dataset.logline.dataset_id
  role       = lookup(local.custom_roles, each.value.role, each.value.role)
  member     = google_service_account.accounts[each.value.account].member
}

resource "google_bigquery_dataset_iam_member" "staging" {
  for_each = local.grants.staging_dataset

  dataset_id = google_bigquery_dataset.staging.dataset_id
  role       = lookup(local.custom_roles, each.value.role, each.value.role)
  member     = google_service_account.accounts[each.value.account].member
}

resource "google_pubsub_topic_iam_member" "lines" {
  for_each = local.grants.topic

  topic  = google_pubsub_topic.lines.name
  role   = lookup(local.custom_roles, each.value.role, each.value.role)
  member = google_service_account.accounts[each.value.account].member
}

resource "google_pubsub_subscription_iam_member" "stream" {
  for_each = local.grants.subscription

  subscription = google_pubsub_subscription.stream.name
  role         = lookup(local.custom_roles, each.value.role, each.value.role)
  member       = google_service_account.accounts[each.value.account].member
}

resource "google_pubsub_subscription_iam_member" "arrivals" {
  for_each = local.grants.arrivals_subscription

  subscription = google_pubsub_subscription.arrivals.name
  role         = lookup(local.custom_roles, each.value.role, each.value.role)
  member       = google_service_account.accounts[each.value.account].member
}

resource "google_artifact_registry_repository_iam_member" "workers" {
  for_each = local.workers

  repository = google_artifact_registry_repository.images.name
  location   = var.region
  role       = "roles/artifactregistry.reader"
  member     = google_service_account.accounts[each.value].member
}

resource "google_secret_manager_secret_iam_member" "workers" {
  for_each = var.anonymise == "hash" ? local.workers : toset([])

  secret_id = google_secret_manager_secret.anonymise_key[0].secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.accounts[each.value].member
}

# Launching a job that runs as a worker.
resource "google_service_account_iam_member" "launch" {
  for_each = local.workers

  service_account_id = google_service_account.accounts[each.value].name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.accounts["airflow"].member
}

resource "google_service_account_iam_member" "impersonators" {
  for_each = toset(var.impersonators)

  service_account_id = google_service_account.accounts["airflow"].name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = each.value
}
