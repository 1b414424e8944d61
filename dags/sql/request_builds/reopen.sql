-- Notes down which past days the stream has brought new requests: when a day is over, at once where they are many, else after
-- a pause that doubles from one hour to a day. Whether rows are new requests, or copies of messages that are there, is looked
-- at for such days alone. A day before the bound is left as it is.
DECLARE asked ARRAY<DATE>;
SET asked = (
  SELECT ARRAY_AGG(log_date) FROM (
    {% include 'sql/request_builds/late.sql' %}
  )
  WHERE log_date BETWEEN DATE_SUB(CURRENT_DATE(), INTERVAL {{ late_days }} DAY) AND DATE_SUB(CURRENT_DATE(), INTERVAL 1 DAY)
    AND late > 0 AND (is_due OR late >= {{ late_requests }})
);
INSERT INTO {{ dataset }}.request_builds
  (log_date, run_id, decision, backfilled, streamed, late, requests, decided_at, stream_rows, messages)
WITH late AS (
  {% include 'sql/request_builds/late.sql' %}
),
counted AS (
  SELECT late.*, landed_rows, messages, IF(messages_before IS NULL, landed_rows - rows_before, messages - messages_before) AS new
  FROM late JOIN (
    SELECT log_date, COUNT(*) AS landed_rows,
      COUNT(DISTINCT CONCAT(event_id, ' ', IFNULL(TO_HEX(raw_line_hash), ''))) AS messages
    FROM {{ dataset }}.streamed_requests WHERE log_date IN UNNEST(asked) GROUP BY log_date
  ) USING (log_date)
)
SELECT log_date, '{{ run_id }}', IF(new > 0, 'reopened', 'copies'), backfilled, landed_rows, IF(new > 0, new, late),
  CAST(NULL AS INT64), CURRENT_TIMESTAMP(), streamed, messages
FROM counted WHERE new <= 0 OR is_due OR new >= {{ late_requests }}
UNION ALL
SELECT log_date, '{{ run_id }}', 'left', 0, 0, late, CAST(NULL AS INT64), CURRENT_TIMESTAMP(), streamed, CAST(NULL AS INT64)
FROM late WHERE late > 0 AND log_date < DATE_SUB(CURRENT_DATE(), INTERVAL {{ late_days }} DAY)
