-- Rejected lines of source objects, replaced together with their rows.
CREATE TABLE IF NOT EXISTS {{ dataset }}.rejected_backfilled (
{% include 'sql/rejected_lines/column_definitions.sql' %}
)
PARTITION BY DATE(ingested_at)
CLUSTER BY source_uri, error_type
OPTIONS (
  {% if landing_expiry_days | default(none) %}partition_expiration_days = {{ landing_expiry_days }},
  {% endif %}
  description = 'Lines of source objects that no parser could read, with the reason and the raw bytes'
);
