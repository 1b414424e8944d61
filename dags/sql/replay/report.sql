-- What this run has landed, by source, with the days of the rows.
SELECT
  source_uri,
  log_format,
  bytes,
  lines,
  `rows`,
  rejected,
  blank,
  ARRAY(
    SELECT DISTINCT CAST(days.log_date AS STRING) AS day FROM {{ dataset }}.ledger_days AS days
    WHERE days.run_id = @run_id AND days.source_uri = ledger.source_uri
    ORDER BY day
  ) AS days
FROM {{ dataset }}.ledger AS ledger
WHERE run_id = @run_id AND source = 'replay'
ORDER BY source_uri, finished
