locals {
  encrypted = var.create_kms_key || var.kms_key != null
  kms_key   = var.create_kms_key ? one(google_kms_crypto_key.logline[*].id) : var.kms_key

  # Service agents that encrypt and decrypt; all but those of Compute Engine, Cloud Storage and BigQuery are made on demand.
  agent_services = toset(concat(
    ["artifactregistry.googleapis.com", "dataflow.googleapis.com", "pubsub.googleapis.com"],
    var.anonymise == "hash" ? ["secretmanager.googleapis.com"] : [],
  ))
  agents = local.encrypted ? merge(
    { for service in local.agent_services : service => google_project_service_identity.agents[service].member },
    {
      "bigquery.googleapis.com" = "serviceAccount:${data.google_bigquery_default_service_account.agent[0].email}"
      "compute.googleapis.com"  = "serviceAccount:service-${data.google_project.this.number}@compute-system.iam.gserviceaccount.com"
      "storage.googleapis.com"  = "serviceAccount:${data.google_storage_project_service_account.agent.email_address}"
    },
  ) : {}
}

resource "google_kms_key_ring" "logline" {
  count = var.create_kms_key ? 1 : 0

  name     = "logline"
  location = var.region

  depends_on = [google_project_service.apis]
}

resource "google_kms_crypto_key" "logline" {
  count = var.create_kms_key ? 1 : 0

  name            = "logline"
  key_ring        = google_kms_key_ring.logline[0].id
  rotation_period = "7776000s" # 90 days

  # Without its key all data is lost.
  lifecycle {
    prevent_destroy = true
  }
}

resource "google_project_service_identity" "agents" {
  for_each = local.encrypted ? local.agent_services : toset([])
  provider = google-beta

  service = each.value

  depends_on = [google_project_service.apis]
}

data "google_bigquery_default_service_account" "agent" {
  count = local.encrypted ? 1 : 0

  depends_on = [google_project_service.apis]
}

data "google_storage_project_service_account" "agent" {
  depends_on = [google_project_service.apis]
}

resource "google_kms_crypto_key_iam_member" "agents" {
  for_each = local.agents

  crypto_key_id = local.kms_key
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = each.value
}
