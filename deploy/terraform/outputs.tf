locals {
  settings = {
    LOGLINE_PROJECT                = var.project
    LOGLINE_REGION                 = var.region
    LOGLINE_LOCATION               = var.location
    LOGLINE_BUCKET                 = google_storage_bucket.logs.name
    LOGLINE_TEMP_BUCKET            = google_storage_bucket.temp.name
    LOGLINE_DATASET                = google_bigquery_dataset.logline.dataset_id
    LOGLINE_STAGING_DATASET        = google_bigquery_dataset.staging.dataset_id
    LOGLINE_STAGING_EXPIRY_HOURS   = tostring(var.staging_expiry_hours)
    LOGLINE_IMAGE_REPOSITORY       = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.images.repository_id}"
    LOGLINE_MAX_WORKERS            = tostring(var.max_workers)
    LOGLINE_SERVICE_ACCOUNT        = google_service_account.accounts["batch"].email
    LOGLINE_STREAM_SERVICE_ACCOUNT = google_service_account.accounts["stream"].email
    LOGLINE_SUBNETWORK             = local.subnetwork
    LOGLINE_KMS_KEY                = local.kms_key
    LOGLINE_TOPIC                  = google_pubsub_topic.lines.name
    LOGLINE_SUBSCRIPTION           = google_pubsub_subscription.stream.name
    LOGLINE_ARRIVALS_TOPIC         = google_pubsub_topic.arrivals.name
    LOGLINE_ARRIVALS_SUBSCRIPTION  = google_pubsub_subscription.arrivals.name
    LOGLINE_STREAM_JOB             = var.stream_job
    LOGLINE_MAX_LAG_SECONDS        = tostring(var.max_lag_seconds)
    LOGLINE_ANONYMISE              = var.anonymise
    LOGLINE_ANONYMISE_KEY_FILE     = var.anonymise == "hash" ? "${google_secret_manager_secret.anonymise_key[0].id}/versions/latest" : null
  }
}

output "settings" {
  description = "Environment variables of Airflow."
  value       = { for name, value in local.settings : name => value if value != null }
}

output "settings_file" {
  description = "The same as lines NAME=value: the content of logline.env."
  value       = join("", [for name, value in local.settings : "${name}=${value}\n" if value != null])
}

output "accounts" {
  description = "E-mail addresses of the service accounts."
  value       = { for name, account in google_service_account.accounts : name => account.email }
}
