-- The day by host.
CREATE TABLE IF NOT EXISTS {{ dataset }}.daily_hosts (
  log_date DATE NOT NULL OPTIONS (description = 'Day in UTC'),
  host STRING OPTIONS (description = 'Virtual host; NULL where the log has none'),
  requests INT64 NOT NULL OPTIONS (description = 'Requests'),
  bots INT64 NOT NULL OPTIONS (description = 'Requests of crawlers'),
  bytes INT64 NOT NULL OPTIONS (description = 'Sum of body_bytes_sent'),
  unique_visitors INT64 NOT NULL OPTIONS (description = 'Distinct pairs of remote_addr and user_agent that are not crawlers'),
  client_errors INT64 NOT NULL OPTIONS (description = 'Requests answered with a 4xx status'),
  server_errors INT64 NOT NULL OPTIONS (description = 'Requests answered with a 5xx status'),
  client_error_rate FLOAT64 NOT NULL OPTIONS (description = 'client_errors / requests'),
  server_error_rate FLOAT64 NOT NULL OPTIONS (description = 'server_errors / requests'),
  p50_duration_ms FLOAT64 OPTIONS (description = 'Median request duration, where logged'),
  p95_duration_ms FLOAT64 OPTIONS (description = '95th percentile of the request duration, where logged'),
  p99_duration_ms FLOAT64 OPTIONS (description = '99th percentile of the request duration, where logged')
)
PARTITION BY log_date
CLUSTER BY host
OPTIONS (
  description = 'One row for each day and host: what daily_summary has of all hosts'
);
