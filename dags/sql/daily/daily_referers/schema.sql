-- The day by referer.
CREATE TABLE IF NOT EXISTS {{ dataset }}.daily_referers (
  log_date DATE NOT NULL OPTIONS (description = 'Day in UTC'),
  referer STRING OPTIONS (description = 'Referer header as logged; NULL where none was'),
  referer_host STRING OPTIONS (description = 'Host of the referer in lower case, without port; NULL where it is no URL with a host'),
  requests INT64 NOT NULL OPTIONS (description = 'Requests'),
  unique_visitors INT64 NOT NULL OPTIONS (description = 'Distinct pairs of remote_addr and user_agent that are not crawlers'),
  errors INT64 NOT NULL OPTIONS (description = 'Requests answered with a status of 400 or above'),
  bytes INT64 NOT NULL OPTIONS (description = 'Sum of body_bytes_sent'),
  referer_class STRING OPTIONS (description = 'internal (a host of LOGLINE_OWN_HOSTS), search, social, ai, mail or other, by referer_sources; NULL without a referer'),
  host STRING OPTIONS (description = 'Virtual host; NULL where the log has none')
)
PARTITION BY log_date
CLUSTER BY host, referer_host, referer
OPTIONS (
  description = 'One row for each day, host and referer'
);
