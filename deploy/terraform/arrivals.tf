# The bucket's notifications, which wake the DAG `arrivals`.
resource "google_pubsub_topic" "arrivals" {
  name         = var.arrivals_topic
  kms_key_name = local.kms_key

  depends_on = [google_project_service.apis, google_kms_crypto_key_iam_member.agents]
}

resource "google_pubsub_subscription" "arrivals" {
  name  = var.arrivals_subscription
  topic = google_pubsub_topic.arrivals.id

  ack_deadline_seconds = 60

  expiration_policy {
    ttl = ""
  }
}

# Cloud Storage publishes as its own agent of the project, and refuses a notification that it could not publish.
resource "google_pubsub_topic_iam_member" "arrivals" {
  topic  = google_pubsub_topic.arrivals.name
  role   = "roles/pubsub.publisher"
  member = "serviceAccount:${data.google_storage_project_service_account.agent.email_address}"
}

resource "google_storage_notification" "arrivals" {
  bucket             = google_storage_bucket.logs.name
  topic              = google_pubsub_topic.arrivals.id
  payload_format     = "NONE"
  event_types        = ["OBJECT_FINALIZE"]
  object_name_prefix = "logs/"

  depends_on = [google_pubsub_topic_iam_member.arrivals]
}
