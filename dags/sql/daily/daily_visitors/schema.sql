-- The day by visitor.
CREATE TABLE IF NOT EXISTS {{ dataset }}.daily_visitors (
  log_date DATE NOT NULL OPTIONS (description = 'Day in UTC'),
  remote_addr STRING OPTIONS (description = 'Address of the client'),
  user_agent STRING OPTIONS (description = 'User-Agent header; NULL where none or an empty one was logged'),
  is_bot BOOL NOT NULL OPTIONS (description = 'Whether the user agent says it is a crawler: no visitor then'),
  requests INT64 NOT NULL OPTIONS (description = 'Requests'),
  errors INT64 NOT NULL OPTIONS (description = 'Requests answered with a status of 400 or above'),
  bytes INT64 NOT NULL OPTIONS (description = 'Sum of body_bytes_sent'),
  first_request TIMESTAMP NOT NULL OPTIONS (description = 'First request of the day'),
  last_request TIMESTAMP NOT NULL OPTIONS (description = 'Last request of the day'),
  host STRING OPTIONS (description = 'Virtual host; NULL where the log has none')
)
PARTITION BY log_date
CLUSTER BY host, is_bot, remote_addr
OPTIONS (
  description = 'One row for each day, host and visitor, a pair of remote_addr and user_agent; crawlers apart, see is_bot'
);
