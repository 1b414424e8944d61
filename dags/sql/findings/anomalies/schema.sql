-- What was unusual.
CREATE TABLE IF NOT EXISTS {{ dataset }}.anomalies (
  log_date DATE NOT NULL OPTIONS (description = 'Day in UTC'),
  hour TIMESTAMP NOT NULL OPTIONS (description = 'Start of the hour; of a silence the first one'),
  host STRING OPTIONS (description = 'Virtual host, where the format has it'),
  measure STRING NOT NULL OPTIONS (description = 'requests, server_error_share (of the requests), p95_duration_ms, or silence: the requests of all hours of the day in which there were none'),
  value FLOAT64 NOT NULL OPTIONS (description = 'What was measured'),
  expected FLOAT64 NOT NULL OPTIONS (description = 'Median of the same hour of the weekdays before; of a silence the sum of its hours'),
  deviation FLOAT64 NOT NULL OPTIONS (description = 'value less expected, in deviations: 1.4826 times the median absolute deviation, at least what chance makes of such counts'),
  weeks INT64 NOT NULL OPTIONS (description = 'How many weekdays before it was compared with'),
  sentence STRING NOT NULL OPTIONS (description = 'The same in words')
)
PARTITION BY log_date
CLUSTER BY host, measure
OPTIONS (
  description = 'One row for each hour, host and measure far from what the hour of the week mostly has, and one for each day and host that was silent'
);
