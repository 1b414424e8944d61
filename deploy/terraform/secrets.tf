# The secret is empty: a key that Terraform added would be in its state for all who can read that.

resource "google_secret_manager_secret" "anonymise_key" {
  count = var.anonymise == "hash" ? 1 : 0

  secret_id = "logline-anonymise-key"

  replication {
    user_managed {
      replicas {
        location = var.region

        dynamic "customer_managed_encryption" {
          for_each = local.encrypted ? [local.kms_key] : []

          content {
            kms_key_name = customer_managed_encryption.value
          }
        }
      }
    }
  }

  depends_on = [google_project_service.apis, google_kms_crypto_key_iam_member.agents]
}
