# What nobody would notice while Airflow itself is down; everything else is an alert of the DAGs.

locals {
  channels = concat(
    [for channel in google_monitoring_notification_channel.email : channel.id],
    var.notification_channels,
  )

  alerts = merge(
    {
      backlog = {
        title     = "lines wait unread"
        runbooks  = ["lag", "takes-too-long"]
        resource  = "pubsub_subscription"
        filter    = "metric.type = \"pubsub.googleapis.com/subscription/oldest_unacked_message_age\" AND resource.labels.subscription_id = \"${var.subscription}\""
        aligner   = "ALIGN_MAX"
        threshold = var.max_backlog_seconds
        duration  = "300s"
      }
      lag = {
        title     = "the stream is behind"
        runbooks  = ["lag"]
        resource  = "dataflow_job"
        filter    = "metric.type = \"dataflow.googleapis.com/job/system_lag\" AND resource.labels.job_name = \"${var.stream_job}\""
        aligner   = "ALIGN_MAX"
        threshold = var.max_lag_seconds
        duration  = "300s"
      }
      failed_job = {
        title     = "a Dataflow job failed"
        runbooks  = ["crash-loop", "failed-backfill"]
        resource  = "dataflow_job"
        filter    = "metric.type = \"dataflow.googleapis.com/job/is_failed\""
        aligner   = "ALIGN_MAX"
        threshold = 0
        duration  = "0s"
      }
    },
    var.composer ? {
      dag = {
        title     = "a DAG raised an alert"
        runbooks  = ["lines-without-a-heading"]
        resource  = "cloud_composer_environment"
        filter    = "metric.type = \"logging.googleapis.com/user/${google_logging_metric.alerts[0].name}\""
        aligner   = "ALIGN_DELTA"
        threshold = 0
        duration  = "0s"
      }
    } : {},
  )
}

resource "google_monitoring_notification_channel" "email" {
  for_each = toset(var.alert_emails)

  display_name = "logline ${each.value}"
  type         = "email"
  labels       = { email_address = each.value }

  depends_on = [google_project_service.apis]
}

# The line of every alert of the DAGs, as plugins/logline/alerts.py writes it.
resource "google_logging_metric" "alerts" {
  count = var.composer ? 1 : 0

  name        = "logline-alerts"
  description = "ALERT lines in the logs of Airflow"
  filter      = "resource.type = \"cloud_composer_environment\" AND (textPayload =~ \"\\bALERT \" OR jsonPayload.message =~ \"\\bALERT \" OR jsonPayload.event =~ \"\\bALERT \")"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
  }

  depends_on = [google_project_service.apis]
}

resource "google_monitoring_alert_policy" "alerts" {
  for_each = local.alerts

  display_name          = "logline: ${each.value.title}"
  combiner              = "OR"
  notification_channels = local.channels

  conditions {
    display_name = each.value.title

    condition_threshold {
      filter          = "resource.type = \"${each.value.resource}\" AND ${each.value.filter}"
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.threshold
      duration        = each.value.duration

      aggregations {
        alignment_period   = "60s"
        per_series_aligner = each.value.aligner
      }
    }
  }

  documentation {
    content   = join("\n", [for runbook in each.value.runbooks : "${var.runbooks}#${runbook}"])
    mime_type = "text/markdown"
  }

  depends_on = [google_project_service.apis]
}
