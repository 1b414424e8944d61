-- The day by user agent.
CREATE TABLE IF NOT EXISTS {{ dataset }}.daily_user_agents (
  log_date DATE NOT NULL OPTIONS (description = 'Day in UTC'),
  user_agent STRING OPTIONS (description = 'User-Agent header as logged; NULL where none was'),
  browser STRING OPTIONS (description = 'Browser family read from it'),
  os STRING OPTIONS (description = 'Operating system family read from it'),
  device STRING OPTIONS (description = 'Device family read from it'),
  is_bot BOOL OPTIONS (description = 'Whether it says it is a crawler'),
  requests INT64 NOT NULL OPTIONS (description = 'Requests'),
  unique_visitors INT64 NOT NULL OPTIONS (description = 'Distinct values of remote_addr; 0 for a crawler'),
  errors INT64 NOT NULL OPTIONS (description = 'Requests answered with a status of 400 or above'),
  bytes INT64 NOT NULL OPTIONS (description = 'Sum of body_bytes_sent'),
  host STRING OPTIONS (description = 'Virtual host; NULL where the log has none')
)
PARTITION BY log_date
CLUSTER BY host, browser, os
OPTIONS (
  description = 'One row for each day, host, user agent and what the parser read from it'
);
