-- Percentiles of request_duration_ms by the columns `by`, exact: the least duration that this percentage of the logged
-- ones does not exceed. Equal ones are counted first, so that only the distinct ones are sorted.
SELECT
  {{ by }},
  MIN(IF(100 * up_to >= 50 * logged, request_duration_ms, NULL)) AS p50_duration_ms,
  MIN(IF(100 * up_to >= 95 * logged, request_duration_ms, NULL)) AS p95_duration_ms,
  MIN(IF(100 * up_to >= 99 * logged, request_duration_ms, NULL)) AS p99_duration_ms
FROM (
  SELECT
    {{ by }},
    request_duration_ms,
    SUM(COUNT(*)) OVER (PARTITION BY {{ by }} ORDER BY request_duration_ms) AS up_to,
    SUM(COUNT(*)) OVER (PARTITION BY {{ by }}) AS logged
  FROM (
    SELECT log_date, path, TIMESTAMP_TRUNC(timestamp, HOUR) AS hour, request_duration_ms
    FROM {{ dataset }}.requests
    WHERE log_date = {{ log_date }} AND request_duration_ms IS NOT NULL
  )
  GROUP BY {{ by }}, request_duration_ms
)
GROUP BY {{ by }}
