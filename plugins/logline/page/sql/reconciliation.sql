-- Are the numbers right: the days from one on, the newest first.
SELECT
  log_date, status, lines, `rows` AS good, rejected, blank, landed, requests, duplicates, delivered_again, in_both, replayed, in_flight,
  lines_difference, rows_difference, rejected_difference, requests_difference, built_at, unread_objects
FROM {{ dataset }}.reconciliation
WHERE log_date >= @first_day
ORDER BY log_date DESC
LIMIT 366
