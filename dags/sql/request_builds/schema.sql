-- Every time a day of requests was rebuilt, or was not although lines had come.
CREATE TABLE IF NOT EXISTS {{ dataset }}.request_builds (
  log_date DATE NOT NULL OPTIONS (description = 'Day of the requests'),
  run_id STRING NOT NULL OPTIONS (description = 'Run that decided'),
  decision STRING NOT NULL OPTIONS (description = 'rebuilt; reopened: lines came after the build, a run will rebuild the day; left: lines came later than the bound allows'),
  backfilled INT64 NOT NULL OPTIONS (description = 'Rows of the day in backfilled_requests at that moment'),
  streamed INT64 NOT NULL OPTIONS (description = 'Rows of the day in streamed_requests at that moment, copies of redelivered messages included'),
  late INT64 NOT NULL OPTIONS (description = 'Landed rows more than at the build before; negative where a replace has landed fewer'),
  requests INT64 OPTIONS (description = 'Requests of the day; NULL where it was not rebuilt'),
  decided_at TIMESTAMP NOT NULL OPTIONS (description = 'When')
)
PARTITION BY DATE(decided_at)
CLUSTER BY log_date
OPTIONS (
  description = 'One row for each rebuild of a day, and for each time late lines reopened it or came too late'
);
