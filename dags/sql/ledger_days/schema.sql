-- Which days a source object has rows in: the partitions a replace of it must touch.
CREATE TABLE IF NOT EXISTS {{ dataset }}.ledger_days (
  run_id STRING NOT NULL OPTIONS (description = 'Run that read the object'),
  source_uri STRING NOT NULL OPTIONS (description = 'Source object'),
  generation INT64 OPTIONS (description = 'Generation of the source object'),
  log_date DATE NOT NULL OPTIONS (description = 'Day of the lines'),
  `rows` INT64 NOT NULL OPTIONS (description = 'Lines of that day that became rows'),
  finished TIMESTAMP NOT NULL OPTIONS (description = 'When the job finished')
)
PARTITION BY DATE(finished)
CLUSTER BY source_uri
OPTIONS (
  description = 'One row for each run, source object and day its lines belong to'
);
