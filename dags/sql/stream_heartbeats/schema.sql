-- Heartbeats that have come through the stream, appended by the job and never changed.
CREATE TABLE IF NOT EXISTS {{ dataset }}.stream_heartbeats (
  published_at TIMESTAMP NOT NULL OPTIONS (description = 'When stream_supervisor published it: which heartbeat it is'),
  landed_at TIMESTAMP NOT NULL OPTIONS (description = 'When it was written, after the lines that were pulled with it; a redelivered one is here twice'),
  job_id STRING NOT NULL OPTIONS (description = 'Id of the Dataflow job that wrote it')
)
PARTITION BY DATE(landed_at)
OPTIONS (
  partition_expiration_days = 30,
  description = 'Heartbeats that have come through the stream'
);
