-- What the ledger says has landed, by day: the newest reading of each source object, the replays, the stream.
SELECT
  days.log_date,
  IFNULL(SUM(IF(runs.source = 'stream', 0, days.`rows`)), 0) AS backfilled,
  IFNULL(SUM(IF(runs.source = 'stream', days.`rows`, 0)), 0) AS streamed,
  TO_HEX(MD5(STRING_AGG(
    IF(runs.source = 'stream', NULL, CONCAT(source_uri, ' ', run_id, ' ', CAST(UNIX_MICROS(days.finished) AS STRING))), ','
    ORDER BY source_uri, run_id
  ))) AS files,
  COUNTIF(runs.source = 'replay') > 0 AS is_replayed,
  MIN(IFNULL(runs.started, days.finished)) AS begun
FROM {{ dataset }}.ledger_days AS days
JOIN (
  {% include 'sql/ledger/readings.sql' %}
) AS runs USING (source_uri, run_id)
GROUP BY days.log_date
