-- The day by path.
CREATE TABLE IF NOT EXISTS {{ dataset }}.daily_paths (
  log_date DATE NOT NULL OPTIONS (description = 'Day in UTC'),
  path STRING OPTIONS (description = 'Path without query; NULL where no request line was logged'),
  requests INT64 NOT NULL OPTIONS (description = 'Requests'),
  unique_visitors INT64 NOT NULL OPTIONS (description = 'Distinct pairs of remote_addr and user_agent that are no crawlers'),
  errors INT64 NOT NULL OPTIONS (description = 'Requests answered with a status of 400 or above'),
  bytes INT64 NOT NULL OPTIONS (description = 'Sum of body_bytes_sent')
)
PARTITION BY log_date
CLUSTER BY path
OPTIONS (
  description = 'One row for each day and path'
);
