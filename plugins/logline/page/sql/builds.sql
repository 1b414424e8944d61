-- The last build of each day, and whether lines have come since that ask for another.
SELECT
  log_date,
  ANY_VALUE(requests HAVING MAX IF(is_build, decided_at, NULL)) AS requests,
  MAX(IF(is_build, decided_at, NULL)) AS built_at,
  COUNTIF(is_build) AS builds,
  ANY_VALUE(decision HAVING MAX decided_at) AS last_decision
FROM (
  SELECT *, decision IN ('rebuilt', 'added') AS is_build
  FROM {{ dataset }}.request_builds
  WHERE decided_at >= TIMESTAMP(@first_day) AND {% include 'period.sql' %}
)
GROUP BY log_date
ORDER BY log_date DESC
