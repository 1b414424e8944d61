-- The entries of the stream's ledger as they are without what is erased: an entry without a day has the rejected lines.
CREATE TABLE IF NOT EXISTS {{ staging }}.erasure_batches_{{ suffix }} AS
WITH erased AS (
  SELECT IF(table_name = 'streamed_requests', log_date, NULL) AS of_day, source_uri, ingested_at, COUNT(*) AS taken
  FROM {{ staging }}.erasure_{{ suffix }}
  WHERE table_name = 'rejected_streamed' OR table_name = 'streamed_requests' AND NOT is_replayed
  GROUP BY of_day, source_uri, ingested_at
),
-- Rows know their batch by its instant alone; of two of one instant the larger one is taken.
batches AS (
  SELECT batch_id, log_date, source_uri, ingested_at, lines, `rows`, rejected FROM {{ dataset }}.stream_batches
  WHERE ingested_at IN (SELECT ingested_at FROM erased)
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY log_date, source_uri, ingested_at ORDER BY IF(log_date IS NULL, rejected, `rows`) DESC, batch_id
  ) = 1
)
SELECT
  batch_id,
  log_date,
  lines - taken AS lines,
  IF(log_date IS NULL, `rows`, `rows` - taken) AS `rows`,
  IF(log_date IS NULL, rejected - taken, rejected) AS rejected
FROM batches JOIN erased
  ON batches.source_uri = erased.source_uri AND batches.ingested_at = erased.ingested_at
  AND IFNULL(batches.log_date, DATE '0001-01-01') = IFNULL(erased.of_day, DATE '0001-01-01')
