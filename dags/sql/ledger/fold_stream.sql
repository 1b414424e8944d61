-- The stream's batches as ledger rows, one for each job and hour; the last day before the newest row again.
-- A row of the future is of a job whose clock was wrong for a while: it must not hide the batches that come after it.
DECLARE since TIMESTAMP;
BEGIN TRANSACTION;
SET since = (
  SELECT TIMESTAMP_TRUNC(TIMESTAMP_SUB(IFNULL(MAX(started), TIMESTAMP '1970-01-03 00:00:00+00'), INTERVAL 1 DAY), HOUR)
  FROM {{ dataset }}.ledger WHERE source = 'stream' AND started <= CURRENT_TIMESTAMP()
);
{% for table in ['ledger', 'ledger_days'] %}
DELETE FROM {{ dataset }}.{{ table }} WHERE run_id IN (
  SELECT CONCAT(job_id, ' ', FORMAT_TIMESTAMP('%Y-%m-%dT%H', ingested_at)) FROM {{ dataset }}.stream_batches
  WHERE ingested_at >= since
);
{% endfor %}
INSERT INTO {{ dataset }}.ledger
  (run_id, source, source_uri, generation, log_format, lines, `rows`, rejected, blank, bytes, job_id, parser_version, started,
   finished)
SELECT
  CONCAT(job_id, ' ', FORMAT_TIMESTAMP('%Y-%m-%dT%H', hour)), 'stream', source_uri, CAST(NULL AS INT64), CAST(NULL AS STRING),
  SUM(lines), SUM(`rows`), SUM(rejected), SUM(blank), SUM(bytes), job_id, MAX(parser_version), MIN(ingested_at), MAX(ingested_at)
FROM (
  SELECT *, TIMESTAMP_TRUNC(ingested_at, HOUR) AS hour FROM {{ dataset }}.stream_batches WHERE ingested_at >= since
  QUALIFY ROW_NUMBER() OVER (PARTITION BY batch_id, log_date ORDER BY ingested_at) = 1
)
GROUP BY job_id, source_uri, hour;
INSERT INTO {{ dataset }}.ledger_days (run_id, source_uri, generation, log_date, `rows`, finished)
SELECT
  CONCAT(job_id, ' ', FORMAT_TIMESTAMP('%Y-%m-%dT%H', hour)), source_uri, CAST(NULL AS INT64), log_date, SUM(`rows`),
  MAX(ingested_at)
FROM (
  SELECT *, TIMESTAMP_TRUNC(ingested_at, HOUR) AS hour FROM {{ dataset }}.stream_batches
  WHERE ingested_at >= since AND log_date IS NOT NULL
  QUALIFY ROW_NUMBER() OVER (PARTITION BY batch_id, log_date ORDER BY ingested_at) = 1
)
GROUP BY job_id, source_uri, hour, log_date;
COMMIT TRANSACTION;
