-- The day by reason why lines were rejected.
CREATE TABLE IF NOT EXISTS {{ dataset }}.daily_rejected_lines (
  log_date DATE NOT NULL OPTIONS (description = 'Day in UTC on which the lines count, as in reconciliation: of an object the one most of its rows are of, of the stream the one they came on'),
  source STRING NOT NULL OPTIONS (description = 'backfill or stream'),
  error_type STRING NOT NULL OPTIONS (description = 'Why the lines were rejected: one of a closed list'),
  lines INT64 NOT NULL OPTIONS (description = 'Lines, those included that a replay has made rows of since; a message of the stream once'),
  objects INT64 NOT NULL OPTIONS (description = 'Distinct source objects, or subscriptions, that they came from'),
  most_of STRING OPTIONS (description = 'The object or subscription with most of them')
)
PARTITION BY log_date
CLUSTER BY source, error_type
OPTIONS (
  description = 'One row for each day, source and reason of rejected lines; the lines themselves are in rejected_lines'
);
