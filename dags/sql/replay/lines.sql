-- Rejected lines that may be rows by now, the first copy of a message that was delivered again, each with the format that
-- a new backfill, or the stream, would read it as. Of lines that were too long the end is not kept.
SELECT
  lines.raw_line,
  lines.error_type,
  lines.source,
  lines.source_uri,
  lines.source_offset,
  lines.event_id,
  lines.ingested_at,
  CASE WHEN @log_format != 'auto' THEN @log_format WHEN lines.source = 'stream' THEN @stream_log_format
    ELSE objects.log_format END AS log_format
FROM {{ dataset }}.rejected_lines AS lines
LEFT JOIN (
  {% include 'sql/ledger/readings.sql' %}
) AS objects ON objects.source = 'backfill' AND lines.source = 'backfill' AND lines.source_uri = objects.source_uri
WHERE lines.replayed_at IS NULL
  AND DATE(lines.ingested_at) BETWEEN CAST(@start_date AS DATE) AND CAST(@end_date AS DATE)
  AND (@reason = '' OR lines.error_type = @reason)
  AND lines.error_type != 'line_too_long' AND LENGTH(lines.raw_line) < 1048576
QUALIFY ROW_NUMBER() OVER (PARTITION BY lines.source, lines.event_id ORDER BY lines.ingested_at, lines.raw_line) = 1
