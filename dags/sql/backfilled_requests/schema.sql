-- Landing table of backfills: a backfill replaces the rows of its own source objects.
CREATE TABLE IF NOT EXISTS {{ dataset }}.backfilled_requests (
{% include 'sql/requests/column_definitions.sql' %}
)
PARTITION BY log_date
CLUSTER BY source_uri
OPTIONS (
  {% if landing_expiry_days | default(none) %}partition_expiration_days = {{ landing_expiry_days }},
  {% endif %}
  description = 'Requests as backfills landed them, each source object once',
  require_partition_filter = TRUE
);
