locals {
  bucket      = coalesce(var.bucket, "${var.project}-logline")
  temp_bucket = coalesce(var.temp_bucket, "${local.bucket}-temp")
}

# logs/ and templates/. Soft delete keeps a deleted log for a week; only log_retention_days deletes one.
resource "google_storage_bucket" "logs" {
  name                        = local.bucket
  location                    = var.location
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  soft_delete_policy {
    retention_duration_seconds = 7 * 24 * 3600
  }

  dynamic "lifecycle_rule" {
    for_each = var.log_retention_days == null ? [] : [var.log_retention_days]

    content {
      action {
        type = "Delete"
      }
      condition {
        age            = lifecycle_rule.value
        matches_prefix = ["logs/"]
      }
    }
  }

  dynamic "encryption" {
    for_each = local.encrypted ? [local.kms_key] : []

    content {
      default_kms_key_name = encryption.value
    }
  }

  depends_on = [google_project_service.apis, google_kms_crypto_key_iam_member.agents]
}

# staging/ and tmp/: written anew by every job. Without soft delete, which would bill each deleted file for a week.
resource "google_storage_bucket" "temp" {
  name                        = local.temp_bucket
  location                    = var.location
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  soft_delete_policy {
    retention_duration_seconds = 0
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age            = 30
      matches_prefix = ["staging/", "tmp/"]
    }
  }
  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }
    condition {
      age = 7
    }
  }

  dynamic "encryption" {
    for_each = local.encrypted ? [local.kms_key] : []

    content {
      default_kms_key_name = encryption.value
    }
  }

  depends_on = [google_project_service.apis, google_kms_crypto_key_iam_member.agents]
}
