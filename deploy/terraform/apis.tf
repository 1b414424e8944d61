locals {
  apis = toset(concat(
    [
      "artifactregistry.googleapis.com",
      "bigquery.googleapis.com",
      "bigquerystorage.googleapis.com",
      "cloudresourcemanager.googleapis.com",
      "compute.googleapis.com",
      "dataflow.googleapis.com",
      "iam.googleapis.com",
      "iamcredentials.googleapis.com",
      "logging.googleapis.com",
      "monitoring.googleapis.com",
      "pubsub.googleapis.com",
      "storage.googleapis.com",
    ],
    var.anonymise == "hash" ? ["secretmanager.googleapis.com"] : [],
    local.encrypted ? ["cloudkms.googleapis.com"] : [],
    var.composer ? ["composer.googleapis.com"] : [],
    var.billing_account == null ? [] : ["billingbudgets.googleapis.com"],
  ))
}

resource "google_project_service" "apis" {
  for_each = local.apis

  service = each.value
  # Others in the project may need it.
  disable_on_destroy = false
}
