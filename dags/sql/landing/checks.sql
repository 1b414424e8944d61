-- What has landed for `days`, before anything is rebuilt from it.
WITH reconciled AS (
  {% include 'sql/reconciliation/days.sql' %}
),
balance AS (
  SELECT
    day AS log_date,
    IFNULL(lines, 0) AS lines,
    IFNULL(`rows` + rejected + blank, 0) AS known,
    IFNULL(rejected, 0) AS rejected,
    IFNULL(landed, 0) AS landed,
    IFNULL(requests, 0) AS requests,
    IFNULL(duplicates, 0) AS duplicates,
    IFNULL(rows_difference, 0) AS rows_difference,
    IFNULL(rejected_difference, 0) AS rejected_difference,
    -- Whatever landed of the day has been replaced since by readings of the same objects without lines of the day.
    day IN (SELECT log_date FROM {{ dataset }}.ledger_days) AND IFNULL(`rows`, 0) = 0 AS was_emptied
  FROM UNNEST([{{ listed_days | join(', ') }}]) AS day LEFT JOIN reconciled ON log_date = day
),
trailing AS (
  SELECT balance.log_date, COUNT(summary.requests) AS known_days,
    CAST(IFNULL(ROUND(AVG(summary.requests)), 0) AS INT64) AS requests
  FROM balance LEFT JOIN {{ dataset }}.daily_summary AS summary
    ON summary.log_date BETWEEN DATE_SUB(balance.log_date, INTERVAL 7 DAY) AND DATE_SUB(balance.log_date, INTERVAL 1 DAY)
  GROUP BY balance.log_date
)
SELECT CAST(log_date AS STRING) AS day, 'lines = rows + rejected + blank' AS check_name, 'fail' AS level,
  lines = known AS passed, lines AS expected, known AS actual, 'lines with a known end, as the ledger has them' AS message
FROM balance
UNION ALL
SELECT CAST(log_date AS STRING), 'rows of the ledger landed', 'fail', rows_difference = 0, 0, rows_difference,
  'rows that only the ledger has, or only the landing tables: see the view reconciliation'
FROM balance
UNION ALL
SELECT CAST(log_date AS STRING), 'rejected lines of the ledger landed', 'fail', rejected_difference = 0, 0, rejected_difference,
  'rejected lines that only the ledger has, or only rejected_lines: see the view reconciliation'
FROM balance
UNION ALL
SELECT CAST(log_date AS STRING), 'something to rebuild from', 'fail', landed > 0 OR requests = 0 OR was_emptied, requests,
  landed, 'rows in the landing tables: requests is not replaced by nothing'
FROM balance
UNION ALL
SELECT CAST(log_date AS STRING), 'share of rejected lines', 'warn', 100 * rejected <= lines * {{ max_rejected_percent }},
  CAST(FLOOR(lines * {{ max_rejected_percent }} / 100) AS INT64), rejected,
  CONCAT('rejected of ', CAST(lines AS STRING), IF(lines = 1, ' line', ' lines'), ', at most {{ max_rejected_percent }} % should be')
FROM balance
UNION ALL
SELECT CAST(balance.log_date AS STRING), 'volume of the days before', 'warn',
  known_days < 3 OR balance.landed - duplicates BETWEEN CAST(FLOOR(trailing.requests / 2) AS INT64) AND 2 * trailing.requests,
  trailing.requests, balance.landed - duplicates,
  CONCAT('rows; expected is the mean of ', CAST(known_days AS STRING), ' of the 7 days before, half to twice as many should be')
FROM balance JOIN trailing USING (log_date)
