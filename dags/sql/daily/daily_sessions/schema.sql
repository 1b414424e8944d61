-- What visitors did without a pause.
CREATE TABLE IF NOT EXISTS {{ dataset }}.daily_sessions (
  log_date DATE NOT NULL OPTIONS (description = 'Day in UTC on which the session started'),
  remote_addr STRING OPTIONS (description = 'Address of the client'),
  user_agent STRING OPTIONS (description = 'User-Agent header; NULL where none or an empty one was logged'),
  first_request TIMESTAMP NOT NULL OPTIONS (description = 'First request of the session'),
  last_request TIMESTAMP NOT NULL OPTIONS (description = 'Last request of the session, at the latest before noon of the next day'),
  duration_seconds INT64 NOT NULL OPTIONS (description = 'Whole seconds from the first to the last request'),
  requests INT64 NOT NULL OPTIONS (description = 'Requests'),
  next_day_requests INT64 NOT NULL OPTIONS (description = 'Those of the requests that came after midnight'),
  errors INT64 NOT NULL OPTIONS (description = 'Requests answered with a status of 400 or above'),
  bytes INT64 NOT NULL OPTIONS (description = 'Sum of body_bytes_sent'),
  entry_path STRING OPTIONS (description = 'Path of the first request'),
  exit_path STRING OPTIONS (description = 'Path of the last request'),
  entry_referer STRING OPTIONS (description = 'Referer of the first request'),
  host STRING OPTIONS (description = 'Virtual host; NULL where the log has none'),
  pages INT64 OPTIONS (description = 'Page views; a session that has any is a visit'),
  entry_page STRING OPTIONS (description = 'Path of the first page view'),
  exit_page STRING OPTIONS (description = 'Path of the last page view'),
  is_bounce BOOL OPTIONS (description = 'Whether the visit has one page view; NULL where it has none'),
  channel STRING OPTIONS (description = 'What brought the visit: direct, search, social, ai, mail, campaign, internal or other; NULL without a page view'),
  referer_domain STRING OPTIONS (description = 'Host of the referer of the first page view in lower case, without port and www.'),
  utm_source STRING OPTIONS (description = 'Tag utm_source of the first page view'),
  utm_medium STRING OPTIONS (description = 'Tag utm_medium of it'),
  utm_campaign STRING OPTIONS (description = 'Tag utm_campaign of it')
)
PARTITION BY log_date
CLUSTER BY host, remote_addr
OPTIONS (
  description = 'One row for each session of a visitor on a host, crawlers left out: requests less than 30 minutes apart'
);
