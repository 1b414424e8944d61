-- Which rejected lines are rows now. A line is known by its source, its event id and its bytes: a publisher may give two
-- lines one event id.
CREATE TABLE IF NOT EXISTS {{ dataset }}.replayed_lines (
  source STRING NOT NULL OPTIONS (description = 'backfill or stream'),
  source_uri STRING OPTIONS (description = 'Object or subscription the line came from'),
  event_id STRING NOT NULL OPTIONS (description = 'Identity of the landed line'),
  raw_line_sha256 BYTES NOT NULL OPTIONS (description = 'SHA256 of the raw line'),
  replayed_at TIMESTAMP NOT NULL OPTIONS (description = 'When the line became a row'),
  run_id STRING OPTIONS (description = 'Run of dead_letter_replay; NULL for lines that were replayed by release 0.1.0')
)
PARTITION BY DATE(replayed_at)
CLUSTER BY source_uri, event_id
OPTIONS (
  {% if landing_expiry_days | default(none) %}partition_expiration_days = {{ landing_expiry_days }},
  {% endif %}
  description = 'One row for each rejected line that dead_letter_replay has made a row of'
);
