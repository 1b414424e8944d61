INSERT INTO {{ dataset }}.request_builds
  (log_date, run_id, decision, backfilled, streamed, late, requests, decided_at, files, stream_rows, messages)
SELECT
  day, '{{ run_id }}', '{{ 'added' if added_since else 'rebuilt' }}', IFNULL(landed.backfilled, 0), IFNULL(landed.streamed, 0),
  IFNULL(landed.backfilled, 0) + IFNULL(landed.streamed, 0) - IFNULL(before.landed, 0), IFNULL(landed.requests, 0),
  CURRENT_TIMESTAMP(), ledger.files, IFNULL(ledger.streamed, 0), IFNULL(messages.messages, 0)
FROM UNNEST([{{ listed_days | join(', ') }}]) AS day
LEFT JOIN (
  SELECT log_date, SUM(backfilled) AS backfilled, SUM(streamed) AS streamed, SUM(requests) AS requests
  FROM (
    SELECT log_date, COUNT(*) AS backfilled, 0 AS streamed, 0 AS requests FROM {{ dataset }}.backfilled_requests
    WHERE {{ days }} AND {% include 'sql/backfilled_requests/is_landed.sql' %}
    GROUP BY log_date
    UNION ALL
    SELECT log_date, 0, COUNT(*), 0 FROM {{ dataset }}.streamed_requests WHERE {{ days }} GROUP BY log_date
    UNION ALL
    SELECT log_date, 0, 0, COUNT(*) FROM {{ dataset }}.requests WHERE {{ days }} GROUP BY log_date
  )
  GROUP BY log_date
) AS landed ON landed.log_date = day
LEFT JOIN (
  {% include 'sql/requests/messages.sql' %}
) AS messages ON messages.log_date = day
LEFT JOIN (
  {% include 'sql/request_builds/ledger_days.sql' %}
) AS ledger ON ledger.log_date = day
LEFT JOIN (
  SELECT log_date, MAX_BY(backfilled + streamed, decided_at) AS landed FROM {{ dataset }}.request_builds
  WHERE decision IN ('rebuilt', 'added') GROUP BY log_date
) AS before ON before.log_date = day;
