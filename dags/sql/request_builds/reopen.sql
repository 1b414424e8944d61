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
WITH of_days AS (
  {% include 'sql/request_builds/late.sql' %}
),
counted AS (
  SELECT of_days.*, landed_rows, messages, IF(messages_before IS NULL, landed_rows - rows_before, messages - messages_before) AS fresh
  FROM of_days JOIN (
    SELECT log_date, COUNT(*) AS landed_rows,
      COUNT(DISTINCT CONCAT(event_id, ' ', IFNULL(TO_HEX(raw_line_hash), ''))) AS messages
    FROM {{ dataset }}.streamed_requests WHERE log_date IN UNNEST(asked) GROUP BY log_date
  ) USING (log_date)
)
SELECT log_date, '{{ run_id }}', IF(fresh > 0, 'reopened', 'copies'), backfilled, landed_rows, IF(fresh > 0, fresh, late),
  CAST(NULL AS INT64), CURRENT_TIMESTAMP(), streamed, messages
FROM counted WHERE fresh <= 0 OR is_due OR fresh >= {{ late_requests }}
UNION ALL
SELECT log_date, '{{ run_id }}', 'left', 0, 0, late, CAST(NULL AS INT64), CURRENT_TIMESTAMP(), streamed, CAST(NULL AS INT64)
FROM of_days WHERE late > 0 AND log_date < DATE_SUB(CURRENT_DATE(), INTERVAL {{ late_days }} DAY)
