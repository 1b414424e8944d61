-- The rebuilt day against the landing tables: landed = requests + duplicates, and each row is whole.
{% set days = 'log_date = ' ~ log_date %}
WITH reconciled AS (
  {% include 'sql/reconciliation/days.sql' %}
),
balance AS (
  SELECT
    IFNULL(SUM(landed), 0) AS landed,
    IFNULL(SUM(requests), 0) AS requests,
    IFNULL(SUM(delivered_again), 0) AS delivered_again,
    IFNULL(SUM(in_both), 0) AS in_both
  FROM reconciled
),
messages AS (
  SELECT event_id, COUNT(DISTINCT raw_line_hash) AS different_lines
  FROM {{ dataset }}.streamed_requests WHERE log_date = {{ log_date }} GROUP BY event_id
),
rebuilt AS (
  SELECT
    COUNT(*) AS requests,
    COUNT(DISTINCT event_id) AS identities,
    COUNTIF(timestamp IS NULL OR event_id IS NULL OR source IS NULL) AS incomplete,
    COUNTIF(log_date != DATE(timestamp)) AS misdated
  FROM {{ dataset }}.requests WHERE log_date = {{ log_date }}
)
SELECT 'landed = requests + duplicates' AS check_name, 'fail' AS level,
  landed = requests + delivered_again + in_both AS passed,
  landed AS expected, requests + delivered_again + in_both AS actual,
  CONCAT('of these ', CAST(requests AS STRING), IF(requests = 1, ' request, ', ' requests, '), CAST(delivered_again AS STRING), ' delivered again, ',
    CAST(in_both AS STRING), ' both streamed and backfilled') AS message
FROM balance
UNION ALL
SELECT 'one identity for each request', 'fail', requests = identities, requests, identities, 'distinct event_ids'
FROM rebuilt
UNION ALL
SELECT 'complete requests', 'fail', incomplete = 0, 0, incomplete, 'requests without timestamp, event_id or source'
FROM rebuilt
UNION ALL
SELECT 'day of the request', 'fail', misdated = 0, 0, misdated,
  'requests whose log_date is not the day of their timestamp'
FROM rebuilt
UNION ALL
SELECT 'one line for each message', 'fail', COUNT(*) = 0, 0, COUNT(*),
  'event_ids the publisher gave to lines that differ: only one line of each could be kept'
FROM messages WHERE different_lines > 1
UNION ALL
SELECT 'a day with requests', 'warn', requests > 0, 1, requests, 'requests: nothing has landed for this day'
FROM rebuilt
