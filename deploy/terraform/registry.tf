resource "google_artifact_registry_repository" "images" {
  repository_id = "logline"
  location      = var.region
  format        = "DOCKER"
  description   = "Images of the Dataflow jobs"
  kms_key_name  = local.kms_key

  depends_on = [google_project_service.apis, google_kms_crypto_key_iam_member.agents]
}
