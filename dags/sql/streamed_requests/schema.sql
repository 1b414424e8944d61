-- Landing table of the stream: append only.
CREATE TABLE IF NOT EXISTS {{ dataset }}.streamed_requests (
{% include 'sql/requests/column_definitions.sql' %}
)
PARTITION BY log_date
CLUSTER BY event_id
OPTIONS (
  {% if landing_expiry_days | default(none) %}partition_expiration_days = {{ landing_expiry_days }},
  {% endif %}
  description = 'Requests as the stream landed them; a redelivered message is here twice',
  require_partition_filter = TRUE
);
