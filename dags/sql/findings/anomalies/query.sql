-- Each hour of `days` against the same hour of up to eight weekdays before, of which there have to be four: median and median
-- absolute deviation, which an outage of a few weeks ago does not move. A host without a row had no requests in that hour.
WITH hours AS (
  SELECT
    log_date, hour, host, requests, p95_duration_ms, IFNULL(CONCAT('=', host), '') AS host_key,
    IF(requests >= 20, CAST(server_errors AS FLOAT64) / requests, NULL) AS server_error_share
  FROM {{ dataset }}.hourly_traffic
  WHERE {{ weekdays_before }}
),
-- Days of which nothing is known are no weekdays to compare with; of today the hours that are over.
known_days AS (
  SELECT log_date, COUNT(host) > 0 AS has_hosts, IF(log_date = CURRENT_DATE(), MAX(hour), TIMESTAMP_ADD(MAX(TIMESTAMP(log_date)), INTERVAL 1 DAY)) AS until
  FROM hours GROUP BY log_date
),
compared_days AS (
  SELECT asked.log_date, known.log_date AS of_day, asked.until, asked.has_hosts
  FROM (SELECT * FROM known_days WHERE {{ days }}) AS asked
  JOIN known_days AS known ON MOD(DATE_DIFF(asked.log_date, known.log_date, DAY), 7) = 0
    AND DATE_DIFF(asked.log_date, known.log_date, DAY) BETWEEN 0 AND 56
),
-- Hosts that are there every week: whoever names ever new ones makes none of them. Days that were summed up by an older
-- release have no hosts: a day that has some is not compared with these.
hosts AS (
  SELECT compared_days.log_date, host_key, MIN(host) AS host
  FROM compared_days JOIN (SELECT DISTINCT log_date AS of_day, host_key, host FROM hours) USING (of_day)
  WHERE of_day < compared_days.log_date AND NOT (host_key = '' AND has_hosts)
  GROUP BY log_date, host_key
  HAVING COUNT(*) >= 4
),
measured AS (
  SELECT
    compared_days.log_date, of_day, host_key, host, number,
    TIMESTAMP_ADD(TIMESTAMP(of_day), INTERVAL number HOUR) AS hour
  FROM compared_days JOIN hosts USING (log_date) CROSS JOIN UNNEST(GENERATE_ARRAY(0, 23)) AS number
  WHERE TIMESTAMP_ADD(TIMESTAMP(compared_days.log_date), INTERVAL number HOUR) < until
),
samples AS (
  SELECT
    measured.log_date, of_day, measured.host_key, measured.host, number, measure,
    CASE measure
      WHEN 'requests' THEN CAST(IFNULL(requests, 0) AS FLOAT64)
      WHEN 'server_error_share' THEN server_error_share
      ELSE IF(requests >= 200, p95_duration_ms, NULL)
    END AS value,
    requests
  FROM measured LEFT JOIN hours ON measured.hour = hours.hour AND measured.host_key = hours.host_key
  CROSS JOIN UNNEST(['requests', 'server_error_share', 'p95_duration_ms']) AS measure
),
medians AS (
  SELECT log_date, host_key, number, measure, AVG(IF(2 * place IN (weeks, weeks + 1, weeks + 2), value, NULL)) AS expected, MAX(weeks) AS weeks
  FROM (
    SELECT
      *,
      ROW_NUMBER() OVER (PARTITION BY log_date, host_key, number, measure ORDER BY value) AS place,
      COUNT(*) OVER (PARTITION BY log_date, host_key, number, measure) AS weeks
    FROM samples WHERE of_day < log_date AND value IS NOT NULL
  )
  GROUP BY log_date, host_key, number, measure
),
deviations AS (
  SELECT log_date, host_key, number, measure, AVG(IF(2 * place IN (weeks, weeks + 1, weeks + 2), away, NULL)) AS median_away
  FROM (
    SELECT
      log_date, host_key, number, measure, weeks, ABS(value - expected) AS away,
      ROW_NUMBER() OVER (PARTITION BY log_date, host_key, number, measure ORDER BY ABS(value - expected)) AS place
    FROM samples JOIN medians USING (log_date, host_key, number, measure)
    WHERE of_day < log_date AND value IS NOT NULL
  )
  GROUP BY log_date, host_key, number, measure
),
judged AS (
  SELECT
    log_date, host, host_key, number, measure, value, expected, weeks, requests,
    TIMESTAMP_ADD(TIMESTAMP(log_date), INTERVAL number HOUR) AS hour,
    (value - expected) / CASE measure
      WHEN 'requests' THEN GREATEST(1.4826 * median_away, 0.15 * expected, SQRT(10 * expected), 20)
      WHEN 'server_error_share' THEN GREATEST(1.4826 * median_away, 0.01, 0.1 / SQRT(requests))
      ELSE GREATEST(1.4826 * median_away, 0.5 * expected, 50)
    END AS deviation
  FROM samples JOIN medians USING (log_date, host_key, number, measure)
  JOIN deviations USING (log_date, host_key, number, measure)
  WHERE of_day = log_date AND value IS NOT NULL AND weeks >= 4
),
-- Hours without a request that together mostly have so many that chance does not make them.
silences AS (
  SELECT
    log_date, host, host_key, MIN(hour) AS hour, COUNT(*) AS silent_hours, SUM(expected) AS missed,
    SUM(deviation) AS missed_by, MIN(weeks) AS least_weeks
  FROM judged
  WHERE measure = 'requests' AND value = 0
  GROUP BY log_date, host, host_key
  HAVING SUM(expected) >= 100
)
SELECT
  log_date,
  hour,
  host,
  measure,
  value,
  expected,
  deviation,
  weeks,
  CONCAT(
    IFNULL(CONCAT('host ', host), 'the log'),
    CASE measure
      WHEN 'requests' THEN CONCAT(
        ' had ', CAST(CAST(value AS INT64) AS STRING), ' requests at ', FORMAT_TIMESTAMP('%H:%M', hour), ', ',
        CAST(CAST(ROUND(expected) AS INT64) AS STRING), ' are usual'
      )
      WHEN 'server_error_share' THEN CONCAT(
        ' answered ', CAST(CAST(ROUND(100 * value) AS INT64) AS STRING), ' % of ', CAST(requests AS STRING), ' requests with 5xx at ',
        FORMAT_TIMESTAMP('%H:%M', hour), ', ', CAST(CAST(ROUND(100 * expected) AS INT64) AS STRING), ' % are usual'
      )
      ELSE CONCAT(
        ' took up to ', CAST(CAST(ROUND(value) AS INT64) AS STRING), ' ms for 95 % of its requests at ',
        FORMAT_TIMESTAMP('%H:%M', hour), ', ', CAST(CAST(ROUND(expected) AS INT64) AS STRING), ' ms are usual'
      )
    END,
    ' (median of ', CAST(weeks AS STRING), ' ', FORMAT_DATE('%A', log_date), 's), ',
    CAST(CAST(ROUND(ABS(deviation)) AS INT64) AS STRING), ' deviations ', IF(deviation < 0, 'below', 'above')
  ) AS sentence
FROM judged
WHERE IF(measure = 'requests', ABS(deviation), deviation) >= 5
  AND (measure != 'server_error_share' OR ROUND(value * requests) >= 10)
  AND NOT (value = 0 AND CONCAT(CAST(log_date AS STRING), host_key) IN (
    SELECT CONCAT(CAST(log_date AS STRING), host_key) FROM silences
  ))
UNION ALL
SELECT
  log_date,
  hour,
  host,
  'silence',
  0.0,
  missed,
  missed_by,
  least_weeks,
  CONCAT(
    IFNULL(CONCAT('host ', host), 'the log'), ' had no request in ', CAST(silent_hours AS STRING),
    IF(silent_hours = 1, ' hour from ', ' hours from '), FORMAT_TIMESTAMP('%H:%M', hour), ', ',
    CAST(CAST(ROUND(missed) AS INT64) AS STRING), ' are usual (medians of ', CAST(least_weeks AS STRING), ' ', FORMAT_DATE('%A', log_date), 's)'
  )
FROM silences
