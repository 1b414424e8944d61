-- What stream_supervisor saw and did.
CREATE TABLE IF NOT EXISTS {{ dataset }}.stream_supervision (
  observed_at TIMESTAMP NOT NULL OPTIONS (description = 'When the run looked'),
  run_id STRING NOT NULL OPTIONS (description = 'Run of stream_supervisor'),
  job_name STRING NOT NULL OPTIONS (description = 'Name of the streaming job'),
  job_id STRING OPTIONS (description = 'The active job, else the one that ended last'),
  state STRING OPTIONS (description = 'Its state, as Dataflow names it'),
  version STRING OPTIONS (description = 'Version of the template it was launched from; NULL when launched by hand'),
  template_version STRING NOT NULL OPTIONS (description = 'Version of the template in the bucket'),
  decision STRING NOT NULL OPTIONS (description = 'launch, update, drain, wait or keep'),
  reason STRING NOT NULL OPTIONS (description = 'Why, with the figures'),
  runbook STRING OPTIONS (description = 'Heading of docs/operations.md, where the decision was an alarm, or nothing lands, or too late'),
  ends INT64 NOT NULL OPTIONS (description = 'Jobs that ended unasked within the restart window'),
  lag_seconds INT64 OPTIONS (description = 'How far the running job was behind: how long a heartbeat took, or has waited, to land; NULL where it has landed none'),
  `rows` INT64 OPTIONS (description = 'Rows the running job had written since it started'),
  rejected INT64 OPTIONS (description = 'Lines the running job had rejected since it started'),
  messages INT64 OPTIONS (description = 'Messages the running job had written since it started, without heartbeats'),
  heartbeat_at TIMESTAMP OPTIONS (description = 'When the run published a heartbeat; NULL where it did not'),
  heartbeat_landed_at TIMESTAMP OPTIONS (description = 'When the newest heartbeat that had landed by then landed')
)
PARTITION BY DATE(observed_at)
OPTIONS (
  description = 'One row for each decision of stream_supervisor'
);
