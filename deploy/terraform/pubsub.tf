resource "google_pubsub_topic" "lines" {
  name         = var.topic
  kms_key_name = local.kms_key

  depends_on = [google_project_service.apis, google_kms_crypto_key_iam_member.agents]
}

# Without what a subscription that Dataflow reads must not have: a dead-letter or retry policy, message ordering,
# exactly-once delivery. See https://cloud.google.com/dataflow/docs/concepts/streaming-with-cloud-pubsub
resource "google_pubsub_subscription" "stream" {
  name  = var.subscription
  topic = google_pubsub_topic.lines.id

  # How long the messages in hand of a killed job wait for the next one; a living job extends its leases.
  ack_deadline_seconds       = 30
  message_retention_duration = "604800s"

  # Never: by default a subscription is deleted after 31 days without a reader.
  expiration_policy {
    ttl = ""
  }
}
