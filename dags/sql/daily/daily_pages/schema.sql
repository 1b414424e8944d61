-- The day by page: what is asked for, assets, probes and crawlers apart.
CREATE TABLE IF NOT EXISTS {{ dataset }}.daily_pages (
  log_date DATE NOT NULL OPTIONS (description = 'Day in UTC; of entries, exits and bounces that on which the visit started'),
  host STRING OPTIONS (description = 'Virtual host; NULL where the log has none'),
  path STRING NOT NULL OPTIONS (description = 'Path of the page without query'),
  views INT64 NOT NULL OPTIONS (description = 'Page views; 0 where only a visit that went over midnight ended here'),
  visitors INT64 NOT NULL OPTIONS (description = 'Distinct pairs of remote_addr and user_agent'),
  entries INT64 NOT NULL OPTIONS (description = 'Visits that began with it'),
  exits INT64 NOT NULL OPTIONS (description = 'Visits that ended with it'),
  bounces INT64 NOT NULL OPTIONS (description = 'Visits that saw nothing else')
)
PARTITION BY log_date
CLUSTER BY host, path
OPTIONS (
  description = 'One row for each day, host and page'
);
