-- The day by HTTP status.
CREATE TABLE IF NOT EXISTS {{ dataset }}.daily_statuses (
  log_date DATE NOT NULL OPTIONS (description = 'Day in UTC'),
  status INT64 OPTIONS (description = 'HTTP status'),
  requests INT64 NOT NULL OPTIONS (description = 'Requests'),
  bytes INT64 NOT NULL OPTIONS (description = 'Sum of body_bytes_sent'),
  host STRING OPTIONS (description = 'Virtual host; NULL where the log has none')
)
PARTITION BY log_date
CLUSTER BY host, status
OPTIONS (
  description = 'One row for each day, host and HTTP status'
);
