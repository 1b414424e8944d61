-- Objects, and hours of the stream, with most rejected lines.
SELECT source_uri, source, run_id, lines, `rows` AS good, rejected, log_format, error_message, finished
FROM {{ dataset }}.ledger
WHERE DATE(finished) BETWEEN @first_day AND DATE_ADD(@last_day, INTERVAL 366 DAY)
  AND finished >= TIMESTAMP(@first_day) AND (rejected > 0 OR error_type IS NOT NULL)
ORDER BY rejected DESC, finished DESC
LIMIT 100
