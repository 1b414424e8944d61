-- Days as they were just built, against the landing tables: landed = requests + duplicates, and each request is there once.
WITH built AS (
  SELECT log_date, backfilled + streamed AS landed, streamed - messages AS delivered_again, requests
  FROM {{ dataset }}.request_builds
  WHERE {{ days }} AND run_id = '{{ run_id }}' AND decision IN ('rebuilt', 'added')
  QUALIFY ROW_NUMBER() OVER (PARTITION BY log_date ORDER BY decided_at DESC) = 1
),
lines AS (
  SELECT log_date, event_id, raw_line_hash FROM {{ dataset }}.streamed_requests
  WHERE {{ streamed_days }} GROUP BY log_date, event_id, raw_line_hash
),
matched AS (
  SELECT log_date, SUM(LEAST(streamed, backfilled)) AS in_both
  FROM (
    SELECT log_date, raw_line_hash, COUNT(*) AS streamed FROM lines GROUP BY log_date, raw_line_hash
  ) JOIN (
    SELECT log_date, raw_line_hash, COUNT(*) AS backfilled FROM {{ dataset }}.backfilled_requests
    WHERE {{ streamed_days }} AND {% include 'sql/backfilled_requests/is_landed.sql' %}
    GROUP BY log_date, raw_line_hash
  ) USING (log_date, raw_line_hash)
  GROUP BY log_date
),
reused AS (
  SELECT log_date, COUNTIF(different_lines > 1) AS event_ids
  FROM (SELECT log_date, COUNT(*) AS different_lines FROM lines GROUP BY log_date, event_id)
  GROUP BY log_date
),
-- Rows of the files are copied as they landed, and had to differ then.
there AS (
  SELECT log_date, COUNT(*) AS requests,
    COUNT(DISTINCT CONCAT(event_id, ' ', IFNULL(TO_HEX(raw_line_hash), ''))) AS identities
  FROM {{ dataset }}.requests WHERE {{ streamed_days }} GROUP BY log_date
),
balance AS (
  SELECT log_date, landed, built.requests, delivered_again, IFNULL(in_both, 0) AS in_both
  FROM built LEFT JOIN matched USING (log_date)
)
SELECT CAST(log_date AS STRING) AS day, 'landed = requests + duplicates' AS check_name, 'fail' AS level,
  landed = requests + delivered_again + in_both AS passed,
  landed AS expected, requests + delivered_again + in_both AS actual,
  CONCAT('of these ', CAST(requests AS STRING), IF(requests = 1, ' request, ', ' requests, '), CAST(delivered_again AS STRING),
    ' delivered again, ', CAST(in_both AS STRING), ' both streamed and backfilled') AS message
FROM balance
UNION ALL
SELECT CAST(log_date AS STRING), 'one identity for each request', 'fail', requests = identities, requests, identities,
  'distinct pairs of event_id and line'
FROM there
UNION ALL
SELECT CAST(log_date AS STRING), 'one line for each message', 'warn', event_ids = 0, 0, event_ids,
  'event_ids the publisher gave to lines that differ: each line is a request'
FROM reused
UNION ALL
SELECT CAST(log_date AS STRING), 'a day with requests', 'warn', requests > 0, 1, requests,
  'requests: nothing has landed for this day'
FROM balance
