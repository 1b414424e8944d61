-- The ledger by run.
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
WHERE finished >= TIMESTAMP_SUB(@now, INTERVAL @days DAY) AND source = 'backfill'
GROUP BY run_id
ORDER BY finished DESC
LIMIT 20
