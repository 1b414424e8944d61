-- What the stream made of every batch, appended by the job after the batch's lines and before it acknowledges them.
CREATE TABLE IF NOT EXISTS {{ dataset }}.stream_batches (
  batch_id STRING NOT NULL OPTIONS (description = 'Identity of the batch; an append that was repeated is here twice'),
  job_id STRING NOT NULL OPTIONS (description = 'Id of the Dataflow job that wrote it'),
  source_uri STRING NOT NULL OPTIONS (description = 'Subscription the messages came from'),
  log_date DATE OPTIONS (description = 'Day of the lines; NULL for the batch\'s one entry of the lines that are of no day, and of its messages'),
  messages INT64 NOT NULL OPTIONS (description = 'Messages of the batch, in the entry without log_date'),
  lines INT64 NOT NULL OPTIONS (description = 'Lines'),
  `rows` INT64 NOT NULL OPTIONS (description = 'Lines that became rows'),
  rejected INT64 NOT NULL OPTIONS (description = 'Lines that were rejected'),
  blank INT64 NOT NULL OPTIONS (description = 'Blank lines'),
  bytes INT64 NOT NULL OPTIONS (description = 'Bytes of the messages, in the entry without log_date'),
  parser_version STRING OPTIONS (description = 'Version of the parser'),
  ingested_at TIMESTAMP NOT NULL OPTIONS (description = 'When the batch was made: that of its rows and rejected lines')
)
PARTITION BY DATE(ingested_at)
CLUSTER BY log_date
OPTIONS (
  {% if landing_expiry_days | default(none) %}partition_expiration_days = {{ landing_expiry_days }},
  {% endif %}
  description = 'Entries of the stream\'s ledger, one for each batch and day of its lines'
);
