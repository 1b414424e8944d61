-- No transaction: BigQuery changes what the stream appends to by single statements alone. Each may be repeated.
DELETE FROM {{ dataset }}.streamed_requests
WHERE log_date BETWEEN DATE '{{ first_day }}' AND DATE '{{ last_day }}' AND CONCAT(event_id, ' ', IFNULL(TO_HEX(raw_line_hash), '')) IN (
  SELECT CONCAT(event_id, ' ', IFNULL(TO_HEX(line_hash), '')) FROM {{ staging }}.erasure_{{ suffix }}
  WHERE table_name = 'streamed_requests'
);
DELETE FROM {{ dataset }}.rejected_streamed
WHERE CONCAT(event_id, ' ', TO_HEX(SHA256(raw_line))) IN (
  SELECT CONCAT(event_id, ' ', TO_HEX(line_hash)) FROM {{ staging }}.erasure_{{ suffix }}
  WHERE table_name = 'rejected_streamed'
);
MERGE {{ dataset }}.stream_batches AS batch
USING {{ staging }}.erasure_batches_{{ suffix }} AS left_over
ON batch.batch_id = left_over.batch_id
  AND IFNULL(batch.log_date, DATE '0001-01-01') = IFNULL(left_over.log_date, DATE '0001-01-01')
WHEN MATCHED THEN
  UPDATE SET lines = left_over.lines, `rows` = left_over.`rows`, rejected = left_over.rejected;
