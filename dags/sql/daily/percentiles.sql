-- Percentiles of request_duration_ms by log_date and `key`, exact: the least duration that this percentage of the logged ones
-- does not exceed. Whole milliseconds are summed up first: so only the durations within one are sorted at a time.
SELECT
  log_date,
  key,
  MIN(IF(100 * up_to >= 50 * logged, duration, NULL)) AS p50_duration_ms,
  MIN(IF(100 * up_to >= 95 * logged, duration, NULL)) AS p95_duration_ms,
  MIN(IF(100 * up_to >= 99 * logged, duration, NULL)) AS p99_duration_ms
FROM (
  SELECT
    log_date,
    key,
    duration,
    logged,
    up_to_here - requests_here + SUM(requests) OVER (PARTITION BY log_date, key, millisecond ORDER BY duration) AS up_to
  FROM (
    SELECT log_date, {{ key }} AS key, CAST(FLOOR(request_duration_ms) AS INT64) AS millisecond, request_duration_ms AS duration,
      SUM(requests) AS requests
    FROM {{ staging }}.request_groups WHERE kind = {{ kind }} AND request_duration_ms IS NOT NULL
    GROUP BY log_date, key, millisecond, duration
  ) JOIN (
    SELECT log_date, key, millisecond, requests_here,
      SUM(requests_here) OVER (PARTITION BY log_date, key ORDER BY millisecond) AS up_to_here,
      SUM(requests_here) OVER (PARTITION BY log_date, key) AS logged
    FROM (
      SELECT log_date, {{ key }} AS key, CAST(FLOOR(request_duration_ms) AS INT64) AS millisecond, SUM(requests) AS requests_here
      FROM {{ staging }}.request_groups WHERE kind = {{ kind }} AND request_duration_ms IS NOT NULL
      GROUP BY log_date, key, millisecond
    )
  ) USING (log_date, key, millisecond)
)
GROUP BY log_date, key
