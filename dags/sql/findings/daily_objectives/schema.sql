-- The day by host: what counts for its objectives.
CREATE TABLE IF NOT EXISTS {{ dataset }}.daily_objectives (
  log_date DATE NOT NULL OPTIONS (description = 'Day in UTC'),
  host STRING OPTIONS (description = 'Virtual host, where the format has it'),
  requests INT64 NOT NULL OPTIONS (description = 'Requests'),
  server_errors INT64 NOT NULL OPTIONS (description = 'Requests answered with a 5xx status'),
  timed_requests INT64 NOT NULL OPTIONS (description = 'Requests whose duration was logged'),
  fast_requests INT64 NOT NULL OPTIONS (description = 'Requests that took no longer than threshold_ms'),
  threshold_ms FLOAT64 NOT NULL OPTIONS (description = 'By LOGLINE_OBJECTIVES when the day was built'),
  speed_objective FLOAT64 NOT NULL OPTIONS (description = 'Share of timed requests that are to be fast, by LOGLINE_OBJECTIVES when the day was built'),
  availability_objective FLOAT64 NOT NULL OPTIONS (description = 'Share of requests that are to have no server error, by LOGLINE_OBJECTIVES when the day was built')
)
PARTITION BY log_date
CLUSTER BY host
OPTIONS (
  description = 'One row for each day and host'
);
