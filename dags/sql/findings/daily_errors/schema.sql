-- The day by error: broken links with the pages that have them, and what fails.
CREATE TABLE IF NOT EXISTS {{ dataset }}.daily_errors (
  log_date DATE NOT NULL OPTIONS (description = 'Day in UTC'),
  host STRING OPTIONS (description = 'Virtual host, where the format has it'),
  status INT64 NOT NULL OPTIONS (description = 'HTTP status, 400 or above'),
  path STRING OPTIONS (description = 'Path without query, cut to 500 characters; NULL where no request line was logged'),
  referer STRING OPTIONS (description = 'Referer header, cut to 500 characters; NULL where none was logged'),
  is_own_page BOOL NOT NULL OPTIONS (description = 'Whether the referer is a page of the site: of the same host, or of one of LOGLINE_OWN_HOSTS'),
  is_rest BOOL NOT NULL OPTIONS (description = 'Whether the row is the sum, by status, of all that have no row of their own: host, path and referer are NULL'),
  requests INT64 NOT NULL OPTIONS (description = 'Requests'),
  addresses INT64 NOT NULL OPTIONS (description = 'Distinct values of remote_addr'),
  first_seen TIMESTAMP NOT NULL OPTIONS (description = 'First of the requests'),
  last_seen TIMESTAMP NOT NULL OPTIONS (description = 'Last of the requests')
)
PARTITION BY log_date
CLUSTER BY host, status, path
OPTIONS (
  description = 'One row for each day, host, status of 400 or above, path and referer: of a day and host at most 1000 with a 4xx status and 1000 with others, of a day 10000, own pages and frequent ones first'
);
