-- What was read, by which run, and what became of every line.
CREATE TABLE IF NOT EXISTS {{ dataset }}.ledger (
  run_id STRING NOT NULL OPTIONS (description = 'Run that read the object'),
  source STRING NOT NULL OPTIONS (description = 'backfill, stream, or replay: rejected lines that were read again'),
  source_uri STRING NOT NULL OPTIONS (description = 'Source object'),
  generation INT64 OPTIONS (description = 'Generation of the source object'),
  log_format STRING OPTIONS (description = 'Format its lines were read as'),
  lines INT64 NOT NULL OPTIONS (description = 'Lines read'),
  `rows` INT64 NOT NULL OPTIONS (description = 'Lines that became rows'),
  rejected INT64 NOT NULL OPTIONS (description = 'Lines that were rejected'),
  blank INT64 NOT NULL OPTIONS (description = 'Blank lines'),
  bytes INT64 OPTIONS (description = 'Bytes of the object; NULL of one that was gone from the bucket, so that its rows were removed'),
  job_id STRING OPTIONS (description = 'Dataflow job that read it'),
  parser_version STRING OPTIONS (description = 'Version of the parser'),
  started TIMESTAMP OPTIONS (description = 'When the job started'),
  finished TIMESTAMP NOT NULL OPTIONS (description = 'When the job finished'),
  frames STRING OPTIONS (description = 'JSON object: how many lines had which frame of a collector around them; null for none'),
  formats STRING OPTIONS (description = 'JSON object: of an object with lines of several formats, how many rows were of which'),
  error_type STRING OPTIONS (description = 'Why the object could not be read: nothing of it has landed by this run; NULL: it was read'),
  error_message STRING OPTIONS (description = 'The reason in words'),
  reading INT64 OPTIONS (description = 'Reading that its rows in backfilled_requests are of, which makes them count; NULL: none landed by this entry, or before there was the column')
)
PARTITION BY DATE(finished)
CLUSTER BY source_uri
OPTIONS (
  description = 'One row for each run and source object: lines = rows + rejected + blank'
);
