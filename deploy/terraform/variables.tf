variable "project" {
  type        = string
  description = "Google Cloud project, which must exist and have billing."

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "The project must be a project id, not its name or number."
  }
}

variable "region" {
  type        = string
  description = "Region of the Dataflow jobs, their subnetwork, images and key."
  default     = "us-central1"

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "The region must be one such as us-central1."
  }
}

variable "location" {
  type        = string
  description = "Location of the buckets and datasets, such as US or us-central1. It can never be changed."
  default     = "US"

  validation {
    condition     = can(regex("^[A-Za-z]+(-[A-Za-z]+[0-9]+)?$", var.location))
    error_message = "The location must be one such as US or us-central1."
  }
  validation {
    condition     = !(var.create_kms_key || var.kms_key != null) || lower(var.location) == var.region
    error_message = "With a key of your own the location must be the region: one key serves one location only."
  }
}

variable "bucket" {
  type        = string
  description = "Bucket of the logs and templates; null: PROJECT-logline."
  default     = null
}

variable "temp_bucket" {
  type        = string
  description = "Bucket of staging and temporary files; null: the name of the other one and -temp."
  default     = null

  validation {
    condition     = var.temp_bucket == null || var.temp_bucket != var.bucket
    error_message = "The temporary files need a bucket of their own: soft delete is off there, and everything expires."
  }
}

variable "log_retention_days" {
  type        = number
  description = "Days after which log files are deleted; null: never. A deleted file cannot be backfilled again."
  default     = null
}

variable "dataset" {
  type        = string
  description = "Dataset of the tables."
  default     = "logline"
}

variable "staging_dataset" {
  type        = string
  description = "Dataset of the tables that live as long as one backfilled day; null: the name of the other one and _staging."
  default     = null
}

variable "staging_expiry_hours" {
  type        = number
  description = "Hours after which a staging table that nobody has dropped expires."
  default     = 72

  validation {
    condition     = var.staging_expiry_hours >= 1
    error_message = "BigQuery's shortest expiry is one hour."
  }
}

variable "topic" {
  type        = string
  description = "Pub/Sub topic of the live log lines."
  default     = "log-lines"
}

variable "subscription" {
  type        = string
  description = "Subscription of the streaming job."
  default     = "log-stream"
}

variable "arrivals_topic" {
  type        = string
  description = "Topic of the bucket's notifications."
  default     = "logline-arrivals"
}

variable "arrivals_subscription" {
  type        = string
  description = "Subscription of the DAG arrivals."
  default     = "logline-arrivals"
}

variable "stream_job" {
  type        = string
  description = "Name of the streaming job."
  default     = "log-stream"
}

variable "max_workers" {
  type        = number
  description = "Most workers of one Dataflow job: the limit of what it can cost."
  default     = 8

  validation {
    condition     = var.max_workers >= 1
    error_message = "A job needs a worker."
  }
}

variable "subnetwork" {
  type        = string
  description = "Subnetwork of the workers that exists already, regions/REGION/subnetworks/NAME or with projects/HOST/ before it; null: a network is made."
  default     = null

  validation {
    condition     = var.subnetwork == null || can(regex("^(projects/[^/]+/)?regions/[^/]+/subnetworks/[^/]+$", var.subnetwork))
    error_message = "The subnetwork must be regions/REGION/subnetworks/NAME, or with projects/HOST/ before it."
  }
}

variable "subnetwork_range" {
  type        = string
  description = "Addresses of the network that is made: a /20 holds 4,092 workers."
  default     = "10.10.0.0/20"

  validation {
    condition     = can(cidrhost(var.subnetwork_range, 0))
    error_message = "The range must be one such as 10.10.0.0/20."
  }
}

variable "nat" {
  type        = bool
  description = "Whether the workers reach the internet through Cloud NAT. The jobs do not need it."
  default     = false
}

variable "composer" {
  type        = bool
  description = "Whether Airflow is Cloud Composer: its account may then be an environment's, and ALERT lines of its log raise an alert."
  default     = false
}

variable "impersonators" {
  type        = list(string)
  description = "Who may act as Airflow from elsewhere, such as user:ann@example.com."
  default     = []
}

variable "anonymise" {
  type        = string
  description = "What becomes of client addresses: none, truncate or hash. For hash a secret is made; its key is added by hand."
  default     = "none"

  validation {
    condition     = contains(["none", "truncate", "hash"], var.anonymise)
    error_message = "It must be one of none, truncate, hash."
  }
}

variable "create_kms_key" {
  type        = bool
  description = "Whether everything is encrypted by a key that is made here."
  default     = false

  validation {
    condition     = !(var.create_kms_key && var.kms_key != null)
    error_message = "Give kms_key, or let a key be made: not both."
  }
}

variable "kms_key" {
  type        = string
  description = "Key that exists already, projects/PROJECT/locations/REGION/keyRings/RING/cryptoKeys/NAME; null: Google's keys."
  default     = null

  validation {
    condition     = var.kms_key == null || can(regex("^projects/[^/]+/locations/${var.region}/keyRings/[^/]+/cryptoKeys/[^/]+$", var.kms_key))
    error_message = "The key must be projects/PROJECT/locations/REGION/keyRings/RING/cryptoKeys/NAME, in the region of the jobs."
  }
}

variable "alert_emails" {
  type        = list(string)
  description = "Who gets the alerts by e-mail."
  default     = []
}

variable "notification_channels" {
  type        = list(string)
  description = "Further channels of Cloud Monitoring for the alerts, projects/PROJECT/notificationChannels/ID."
  default     = []
}

variable "max_backlog_seconds" {
  type        = number
  description = "Age of the oldest unread line that raises an alert. Lines are lost after seven days."
  default     = 900
}

variable "max_lag_seconds" {
  type        = number
  description = "Seconds the stream may be behind."
  default     = 300
}

variable "runbooks" {
  type        = string
  description = "Address of docs/operations.md, for the alerts."
  default     = "docs/operations.md"
}

variable "billing_account" {
  type        = string
  description = "Billing account of the budget, such as 012345-6789AB-CDEF01; null: no budget."
  default     = null
}

variable "monthly_budget" {
  type        = number
  description = "Budget of the project in whole units of the account's currency. It warns; it stops nothing."
  default     = 200
}

variable "labels" {
  type        = map(string)
  description = "Labels of everything that can have some."
  default     = { application = "logline" }
}
