-- How the objectives of each host stand.
CREATE OR REPLACE VIEW {{ dataset }}.objectives (
  log_date OPTIONS (description = 'Last of the days that are counted'),
  host OPTIONS (description = 'Virtual host, where the format has it'),
  objective OPTIONS (description = 'availability: requests without a server error; speed: requests, of those with a duration, within threshold_ms'),
  wanted OPTIONS (description = 'Share of the requests that are to be good, by LOGLINE_OBJECTIVES when the last day was built'),
  threshold_ms OPTIONS (description = 'Milliseconds that a fast request may take; NULL of availability'),
  days OPTIONS (description = 'Days with requests, of the 28 that end with log_date'),
  requests OPTIONS (description = 'Requests of these days'),
  good OPTIONS (description = 'Those of them that were good'),
  share OPTIONS (description = 'good / requests'),
  is_met OPTIONS (description = 'Whether share is at least what is wanted'),
  error_budget OPTIONS (description = 'How many of the requests may be bad'),
  budget_left OPTIONS (description = 'Share of the error budget that is left: 1 untouched, 0 used up, below 0 overdrawn')
)
OPTIONS (
  description = 'Objectives of each host over 28 days, for each day and host that had requests, and what is left of their error budgets'
)
AS
WITH of_days AS (
  SELECT log_date, host, 'availability' AS objective, availability_objective AS wanted, CAST(NULL AS FLOAT64) AS threshold_ms,
    requests, requests - server_errors AS good
  FROM {{ dataset }}.daily_objectives
  UNION ALL
  SELECT log_date, host, 'speed', speed_objective, threshold_ms, timed_requests, fast_requests
  FROM {{ dataset }}.daily_objectives WHERE timed_requests > 0
),
summed AS (
  SELECT
    log_date, host, objective, wanted, threshold_ms,
    COUNT(*) OVER weeks AS days,
    SUM(requests) OVER weeks AS requests,
    SUM(good) OVER weeks AS good
  FROM of_days
  WINDOW weeks AS (PARTITION BY host, objective ORDER BY UNIX_DATE(log_date) RANGE BETWEEN 27 PRECEDING AND CURRENT ROW)
)
SELECT
  log_date, host, objective, wanted, threshold_ms, days, requests, good,
  good / requests AS share,
  good >= ROUND(wanted * requests, 6) AS is_met,
  ROUND((1 - wanted) * requests, 6) AS error_budget,
  ROUND(1 - (requests - good) / ((1 - wanted) * requests), 6) AS budget_left
FROM summed;
