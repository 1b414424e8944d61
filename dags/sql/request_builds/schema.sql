-- Every time a day was rebuilt and summarised, or was not although lines had come.
CREATE TABLE IF NOT EXISTS {{ dataset }}.request_builds (
  log_date DATE NOT NULL OPTIONS (description = 'Day of the requests'),
  run_id STRING NOT NULL OPTIONS (description = 'Run that decided'),
  decision STRING NOT NULL OPTIONS (description = 'rebuilt; added: new requests of the stream were added; summarised: the daily tables are made from that; reopened: lines came after the build, a run will rebuild the day; copies: what came were copies of messages that are there; left: lines came later than the bound allows'),
  backfilled INT64 NOT NULL OPTIONS (description = 'Rows of the day in backfilled_requests at that moment'),
  streamed INT64 NOT NULL OPTIONS (description = 'Rows of the day in streamed_requests at that moment, copies of redelivered messages included'),
  late INT64 NOT NULL OPTIONS (description = 'Landed rows more than at the build before, negative where a replace has landed fewer; of a decision not to build the rows, of one to reopen the requests that came'),
  requests INT64 OPTIONS (description = 'Requests of the day; NULL where it was not rebuilt'),
  decided_at TIMESTAMP NOT NULL OPTIONS (description = 'When'),
  files STRING OPTIONS (description = 'Hash of the ledger entries of the files with lines of the day, as they were then; NULL for none'),
  stream_rows INT64 OPTIONS (description = 'Rows of the day that the ledger had from the stream, as it was then'),
  messages INT64 OPTIONS (description = 'Different lines of messages in streamed_requests; NULL where nobody counted')
)
PARTITION BY DATE(decided_at)
CLUSTER BY log_date
OPTIONS (
  description = 'One row for each rebuild of a day, each time it was summarised, and each time late lines reopened it or came too late'
);
