-- What the stream appends its rejected lines to. No statement changes a row here: BigQuery would refuse it in a transaction.
CREATE TABLE IF NOT EXISTS {{ dataset }}.rejected_streamed (
{% include 'sql/rejected_lines/column_definitions.sql' %}
)
PARTITION BY DATE(ingested_at)
CLUSTER BY source_uri, error_type
OPTIONS (
  {% if landing_expiry_days | default(none) %}partition_expiration_days = {{ landing_expiry_days }},
  {% endif %}
  description = 'Lines of the stream that no parser could read, with the reason and the raw bytes; a redelivered message is here twice'
);
