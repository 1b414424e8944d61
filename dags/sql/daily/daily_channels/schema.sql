-- The day's visits by what brought them.
CREATE TABLE IF NOT EXISTS {{ dataset }}.daily_channels (
  log_date DATE NOT NULL OPTIONS (description = 'Day in UTC on which the visits started'),
  host STRING OPTIONS (description = 'Virtual host; NULL where the log has none'),
  channel STRING NOT NULL OPTIONS (description = 'direct, search, social, ai, mail, campaign, internal or other'),
  source STRING OPTIONS (description = 'Tag utm_source, else the host of the referer in lower case, without port and www.; NULL without either'),
  campaign STRING OPTIONS (description = 'Tag utm_campaign'),
  visits INT64 NOT NULL OPTIONS (description = 'Sessions with a page view'),
  visitors INT64 NOT NULL OPTIONS (description = 'Distinct pairs of remote_addr and user_agent'),
  bounces INT64 NOT NULL OPTIONS (description = 'Visits of one page view'),
  pages INT64 NOT NULL OPTIONS (description = 'Page views of the visits')
)
PARTITION BY log_date
CLUSTER BY host, channel, source
OPTIONS (
  description = 'One row for each day, host, channel, source and campaign of visits'
);
