# Datasets only: tables and views are made and migrated by the DAG `provision`.

locals {
  staging_dataset = coalesce(var.staging_dataset, "${var.dataset}_staging")
}

resource "google_bigquery_dataset" "logline" {
  dataset_id  = var.dataset
  location    = var.location
  description = "Web access logs, see the DAGs of the same name"

  dynamic "default_encryption_configuration" {
    for_each = local.encrypted ? [local.kms_key] : []

    content {
      kms_key_name = default_encryption_configuration.value
    }
  }

  depends_on = [google_project_service.apis, google_kms_crypto_key_iam_member.agents]
}

resource "google_bigquery_dataset" "staging" {
  dataset_id                  = local.staging_dataset
  location                    = var.location
  description                 = "Tables that live as long as one backfilled day"
  default_table_expiration_ms = var.staging_expiry_hours * 3600 * 1000

  dynamic "default_encryption_configuration" {
    for_each = local.encrypted ? [local.kms_key] : []

    content {
      kms_key_name = default_encryption_configuration.value
    }
  }

  depends_on = [google_project_service.apis, google_kms_crypto_key_iam_member.agents]
}
