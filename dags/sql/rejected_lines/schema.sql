-- Landing table of the lines that did not become rows.
CREATE TABLE IF NOT EXISTS {{ dataset }}.rejected_lines (
  raw_line BYTES OPTIONS (description = 'The line as it was, without its end'),
  error_type STRING NOT NULL OPTIONS (description = 'Why the line was rejected: one of a closed list'),
  error_message STRING OPTIONS (description = 'The reason in words'),
  source STRING NOT NULL OPTIONS (description = 'backfill or stream'),
  source_uri STRING OPTIONS (description = 'Object or subscription the line came from'),
  source_offset INT64 OPTIONS (description = 'Byte offset of the line in the (decompressed) object'),
  event_id STRING NOT NULL OPTIONS (description = 'Identity of the landed line'),
  parser_version STRING OPTIONS (description = 'Version of the parser that rejected the line'),
  ingested_at TIMESTAMP NOT NULL OPTIONS (description = 'When the line was rejected'),
  replayed_at TIMESTAMP OPTIONS (description = 'When the line became a row after all')
)
PARTITION BY DATE(ingested_at)
CLUSTER BY source_uri, error_type
OPTIONS (
  {% if landing_expiry_days | default(none) %}partition_expiration_days = {{ landing_expiry_days }},
  {% endif %}
  description = 'Lines no parser could read, with the reason and the raw bytes'
);
