-- Lines that could not be read, by reason, with the latest few of each.
WITH lately AS (
  SELECT error_type, error_message, raw_line, source, source_uri, source_offset, ingested_at, replayed_at,
    ROW_NUMBER() OVER (PARTITION BY error_type ORDER BY ingested_at DESC, event_id) AS place
  FROM {{ dataset }}.rejected_lines
  WHERE ingested_at >= TIMESTAMP_SUB(@now, INTERVAL @days DAY)
),
reasons AS (
  SELECT error_type, COUNT(*) AS lines, COUNT(replayed_at) AS replayed, COUNTIF(source = 'stream') AS streamed
  FROM lately
  GROUP BY error_type
)
SELECT reasons.error_type, reasons.lines, reasons.replayed, reasons.streamed,
  lately.error_message, LEFT(lately.raw_line, 300) AS raw_line, lately.source_uri, lately.source_offset, lately.ingested_at
FROM reasons
JOIN lately ON lately.error_type = reasons.error_type AND lately.place <= 3
ORDER BY reasons.lines DESC, reasons.error_type, lately.place
