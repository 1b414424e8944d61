-- The day by path.
CREATE TABLE IF NOT EXISTS {{ dataset }}.daily_paths (
  log_date DATE NOT NULL OPTIONS (description = 'Day in UTC'),
  path STRING OPTIONS (description = 'Path without query; NULL where no request line was logged'),
  requests INT64 NOT NULL OPTIONS (description = 'Requests'),
  unique_visitors INT64 NOT NULL OPTIONS (description = 'Distinct pairs of remote_addr and user_agent that are not crawlers'),
  errors INT64 NOT NULL OPTIONS (description = 'Requests answered with a status of 400 or above'),
  bytes INT64 NOT NULL OPTIONS (description = 'Sum of body_bytes_sent'),
  p50_duration_ms FLOAT64 OPTIONS (description = 'Median of the request duration, where logged'),
  p95_duration_ms FLOAT64 OPTIONS (description = '95th percentile of the request duration, where logged'),
  p99_duration_ms FLOAT64 OPTIONS (description = '99th percentile of the request duration, where logged'),
  host STRING OPTIONS (description = 'Virtual host; NULL where the log has none')
)
PARTITION BY log_date
CLUSTER BY host, path
OPTIONS (
  description = 'One row for each day, host and path'
);
