-- The ledger of the last backfills by run, with the days of their lines.
SELECT
  run_id, objects, lines, good, rejected, blank, bytes, started, finished, first_day, last_day
FROM (
  SELECT
    run_id,
    COUNT(*) AS objects,
    SUM(lines) AS lines,
    SUM(`rows`) AS good,
    SUM(rejected) AS rejected,
    SUM(blank) AS blank,
    SUM(bytes) AS bytes,
    MIN(started) AS started,
    MAX(finished) AS finished
  FROM {{ dataset }}.ledger
  WHERE finished >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 90 DAY) AND source = 'backfill'
  GROUP BY run_id
  ORDER BY finished DESC
  LIMIT 30
) LEFT JOIN (
  SELECT run_id, MIN(log_date) AS first_day, MAX(log_date) AS last_day
  FROM {{ dataset }}.ledger_days
  WHERE finished >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 90 DAY)
  GROUP BY run_id
) USING (run_id)
ORDER BY finished DESC
