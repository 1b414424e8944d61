-- What visitors did around midnight: enough to tell, without the requests, which sessions go over it.
CREATE TABLE IF NOT EXISTS {{ dataset }}.session_parts (
  log_date DATE NOT NULL OPTIONS (description = 'Day in UTC'),
  remote_addr STRING OPTIONS (description = 'Address of the client'),
  user_agent STRING OPTIONS (description = 'User-Agent header; NULL where none or an empty one was logged'),
  is_early BOOL NOT NULL OPTIONS (description = 'Whether the requests without a pause, of which this is a part, begin in the first half hour of the day'),
  is_late BOOL NOT NULL OPTIONS (description = 'Whether they reach the last half hour of the day'),
  is_afternoon BOOL NOT NULL OPTIONS (description = 'Whether this is what early ones have from noon on'),
  first_request TIMESTAMP NOT NULL OPTIONS (description = 'First request of the part'),
  last_request TIMESTAMP NOT NULL OPTIONS (description = 'Last request of the part'),
  requests INT64 NOT NULL OPTIONS (description = 'Requests'),
  errors INT64 NOT NULL OPTIONS (description = 'Requests answered with a status of 400 or above'),
  bytes INT64 NOT NULL OPTIONS (description = 'Sum of body_bytes_sent'),
  entry_path STRING OPTIONS (description = 'Path of the first request'),
  exit_path STRING OPTIONS (description = 'Path of the last request'),
  entry_referer STRING OPTIONS (description = 'Referer of the first request'),
  host STRING OPTIONS (description = 'Virtual host; NULL where the log has none'),
  pages INT64 OPTIONS (description = 'Page views'),
  entry_page STRING OPTIONS (description = 'Path of the first page view'),
  exit_page STRING OPTIONS (description = 'Path of the last page view'),
  page_referer STRING OPTIONS (description = 'Referer of the first page view'),
  utm_source STRING OPTIONS (description = 'Tag utm_source of the first page view'),
  utm_medium STRING OPTIONS (description = 'Tag utm_medium of it'),
  utm_campaign STRING OPTIONS (description = 'Tag utm_campaign of it')
)
PARTITION BY log_date
CLUSTER BY remote_addr
OPTIONS (
  description = 'Of each day the parts of sessions that begin in its first half hour or reach its last one; daily_sessions is made with them'
);
