-- Of the lines that the stream has brought to `days` since `added_since`, those that requests lacks. A rebuild would
-- keep, of equal lines that go beyond those in the files, the ones that came last; so does this.
WITH delivered_once AS (
  SELECT *, IFNULL(TO_HEX(raw_line_hash), '') AS line FROM {{ dataset }}.streamed_requests
  -- A batch may land some time after it was made.
  WHERE {{ days }} AND ingested_at >= TIMESTAMP_SUB(TIMESTAMP '{{ added_since }}', INTERVAL 1 HOUR)
  QUALIFY ROW_NUMBER() OVER (PARTITION BY log_date, event_id, raw_line_hash ORDER BY ingested_at) = 1
),
kept AS (
  SELECT log_date, event_id, IFNULL(TO_HEX(raw_line_hash), '') AS line FROM {{ dataset }}.requests
  WHERE {{ days }} AND source = 'stream'
),
candidates AS (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY log_date, line ORDER BY ingested_at DESC, event_id DESC) AS place
  FROM delivered_once
  WHERE CONCAT(CAST(log_date AS STRING), ' ', line, ' ', event_id) NOT IN (
    SELECT CONCAT(CAST(log_date AS STRING), ' ', line, ' ', event_id) FROM kept
  )
),
streamed AS (
  SELECT log_date, IFNULL(TO_HEX(raw_line_hash), '') AS line, COUNT(DISTINCT event_id) AS messages
  FROM {{ dataset }}.streamed_requests WHERE {{ days }} GROUP BY log_date, line
),
in_files AS (
  SELECT log_date, TO_HEX(raw_line_hash) AS line, COUNT(*) AS occurrences FROM {{ dataset }}.backfilled_requests
  WHERE {{ days }} AND {% include 'sql/backfilled_requests/is_landed.sql' %}
  GROUP BY log_date, line
),
there AS (
  SELECT log_date, line, COUNT(*) AS requests FROM kept GROUP BY log_date, line
)
SELECT {% include 'sql/requests/columns.sql' %}
FROM candidates
JOIN streamed USING (log_date, line)
LEFT JOIN in_files USING (log_date, line)
LEFT JOIN there USING (log_date, line)
WHERE place <= messages - IFNULL(occurrences, 0) - IFNULL(requests, 0)
