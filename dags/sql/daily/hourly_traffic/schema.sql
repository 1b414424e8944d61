-- The day by hour.
CREATE TABLE IF NOT EXISTS {{ dataset }}.hourly_traffic (
  log_date DATE NOT NULL OPTIONS (description = 'Day in UTC'),
  hour TIMESTAMP NOT NULL OPTIONS (description = 'Start of the hour'),
  requests INT64 NOT NULL OPTIONS (description = 'Requests'),
  bots INT64 NOT NULL OPTIONS (description = 'Requests of crawlers'),
  bytes INT64 NOT NULL OPTIONS (description = 'Sum of body_bytes_sent'),
  unique_visitors INT64 NOT NULL OPTIONS (description = 'Distinct pairs of remote_addr and user_agent that are not crawlers'),
  errors INT64 NOT NULL OPTIONS (description = 'Requests answered with a status of 400 or above'),
  p50_duration_ms FLOAT64 OPTIONS (description = 'Median of the request duration, where logged'),
  p95_duration_ms FLOAT64 OPTIONS (description = '95th percentile of the request duration, where logged'),
  p99_duration_ms FLOAT64 OPTIONS (description = '99th percentile of the request duration, where logged'),
  host STRING OPTIONS (description = 'Virtual host; NULL where the log has none')
)
PARTITION BY log_date
CLUSTER BY host, hour
OPTIONS (
  description = 'One row for each hour and host that had requests'
);
