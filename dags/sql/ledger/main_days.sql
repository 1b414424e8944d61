-- The source objects as they were read last, their days, and of each the one on which its lines count that are of no day,
-- rejected and blank: the day most of its rows are of, else that on which it was read. CTEs, to be put behind WITH.
objects AS (
  SELECT source_uri, run_id, lines, rejected, blank, IFNULL(reading, 0) AS reading, DATE(finished) AS finished_on FROM (
    {% include 'sql/ledger/readings.sql' %}
  )
  WHERE source = 'backfill'
),
object_days AS (
  SELECT source_uri, reading, days.log_date, SUM(days.`rows`) AS good
  FROM {{ dataset }}.ledger_days AS days JOIN objects USING (source_uri, run_id)
  GROUP BY source_uri, reading, days.log_date
),
main_days AS (
  SELECT source_uri, IFNULL(log_date, finished_on) AS log_date, lines, rejected, blank,
    SUM(IFNULL(good, 0)) OVER (PARTITION BY source_uri) AS of_all_days
  FROM objects LEFT JOIN object_days USING (source_uri)
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY source_uri ORDER BY good DESC, log_date) = 1
)
