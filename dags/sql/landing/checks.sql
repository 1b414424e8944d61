-- What has landed for the day, before anything is rebuilt from it.
{% set days = 'log_date = ' ~ log_date %}
{% set day_after = 'DATE_ADD(' ~ log_date ~ ', INTERVAL 1 DAY)' %}
WITH reconciled AS (
  {% include 'sql/reconciliation/days.sql' %}
),
balance AS (
  SELECT
    IFNULL(SUM(lines), 0) AS lines,
    IFNULL(SUM(`rows` + rejected + blank), 0) AS known,
    IFNULL(SUM(rejected), 0) AS rejected,
    IFNULL(SUM(landed), 0) AS landed,
    IFNULL(SUM(requests), 0) AS requests,
    IFNULL(SUM(rows_difference), 0) AS rows_difference,
    IFNULL(SUM(rejected_difference), 0) AS rejected_difference
  FROM reconciled
),
landed AS (
{% for table in ['backfilled_requests', 'streamed_requests'] %}
  SELECT log_date, timestamp, remote_addr, path, status, body_bytes_sent, request_duration_ms, event_id
  FROM {{ dataset }}.{{ table }} WHERE log_date = {{ log_date }}
  {% if not loop.last %}UNION ALL{% endif %}
{% endfor %}
),
values_of AS (
  SELECT
    COUNT(*) AS landed,
    COUNTIF(remote_addr IS NULL OR path IS NULL OR status IS NULL) AS with_nulls,
    COUNTIF(status NOT BETWEEN 100 AND 999 OR body_bytes_sent < 0 OR request_duration_ms < 0
      OR timestamp > TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 DAY)) AS out_of_range,
    COUNTIF(log_date != DATE(timestamp)) AS misdated,
    IFNULL(TIMESTAMP_DIFF(LEAST(TIMESTAMP({{ day_after }}), CURRENT_TIMESTAMP()), MAX(timestamp), MINUTE), 0) AS silent_minutes
  FROM landed
),
backfilled AS (
  SELECT COUNT(*) AS landed, COUNT(DISTINCT event_id) AS identities
  FROM {{ dataset }}.backfilled_requests WHERE log_date = {{ log_date }}
),
trailing AS (
  SELECT COUNT(*) AS known_days, CAST(IFNULL(ROUND(AVG(requests)), 0) AS INT64) AS requests FROM {{ dataset }}.daily_summary
  WHERE log_date BETWEEN DATE_SUB({{ log_date }}, INTERVAL 7 DAY) AND DATE_SUB({{ log_date }}, INTERVAL 1 DAY)
)
SELECT 'lines = rows + rejected + blank' AS check_name, 'fail' AS level, lines = known AS passed, lines AS expected,
  known AS actual, 'lines with a known end, as the ledger has them' AS message
FROM balance
UNION ALL
SELECT 'rows of the ledger landed', 'fail', rows_difference = 0, 0, rows_difference,
  'rows that only the ledger has, or only the landing tables: see the view reconciliation'
FROM balance
UNION ALL
SELECT 'rejected lines of the ledger landed', 'fail', rejected_difference = 0, 0, rejected_difference,
  'rejected lines that only the ledger has, or only rejected_lines: see the view reconciliation'
FROM balance
UNION ALL
SELECT 'something to rebuild from', 'fail', landed > 0 OR requests = 0, requests, landed,
  'rows in the landing tables: requests is not replaced by nothing'
FROM balance
UNION ALL
SELECT 'day of the line', 'fail', misdated = 0, 0, misdated, 'rows whose log_date is not the day of their timestamp'
FROM values_of
UNION ALL
SELECT 'one identity for each line', 'fail', landed = identities, landed, identities,
  'distinct event_ids in backfilled_requests'
FROM backfilled
UNION ALL
SELECT 'share of rejected lines', 'warn', 100 * rejected <= lines * {{ max_rejected_percent }},
  CAST(FLOOR(lines * {{ max_rejected_percent }} / 100) AS INT64), rejected,
  CONCAT('rejected of ', CAST(lines AS STRING), IF(lines = 1, ' line', ' lines'), ', at most {{ max_rejected_percent }} % should be')
FROM balance
UNION ALL
SELECT 'values that are there', 'warn', 10 * with_nulls <= landed, CAST(FLOOR(landed / 10) AS INT64), with_nulls,
  'rows without remote_addr, path or status, at most 10 % should be'
FROM values_of
UNION ALL
SELECT 'values in range', 'warn', out_of_range = 0, 0, out_of_range,
  'rows with a status outside 100 to 999, a negative size or duration, or a time that is still to come'
FROM values_of
UNION ALL
SELECT 'volume of the days before', 'warn',
  known_days < 3 OR landed BETWEEN CAST(FLOOR(requests / 2) AS INT64) AND 2 * requests, requests, landed,
  CONCAT('rows; expected is the mean of ', CAST(known_days AS STRING), ' of the 7 days before, half to twice as many should be')
FROM (SELECT balance.landed - delivered_again AS landed, trailing.requests, known_days
  FROM balance CROSS JOIN trailing CROSS JOIN (SELECT IFNULL(SUM(duplicates), 0) AS delivered_again FROM reconciled))
UNION ALL
SELECT 'fresh to the end', 'warn', silent_minutes <= 60, 60, silent_minutes,
  'minutes from the last line to the end of the day, or until now'
FROM values_of
