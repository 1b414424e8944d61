-- All rejected lines, and what became of them.
CREATE OR REPLACE VIEW {{ dataset }}.rejected_lines (
  raw_line OPTIONS (description = 'The line as it was, without its end'),
  error_type OPTIONS (description = 'Why the line was rejected: one of a closed list'),
  error_message OPTIONS (description = 'The reason in words'),
  source OPTIONS (description = 'backfill or stream'),
  source_uri OPTIONS (description = 'Object or subscription the line came from'),
  source_offset OPTIONS (description = 'Byte offset of the line in the (decompressed) object'),
  event_id OPTIONS (description = 'Identity of the landed line'),
  parser_version OPTIONS (description = 'Version of the parser that rejected the line'),
  ingested_at OPTIONS (description = 'When the line was rejected'),
  replayed_at OPTIONS (description = 'When the line became a row after all')
)
OPTIONS (
  description = 'The lines of rejected_backfilled and rejected_streamed, with replayed_at of replayed_lines. Those two are cheaper where replayed_at is not needed'
) AS
SELECT
  lines.raw_line,
  lines.error_type,
  lines.error_message,
  lines.source,
  lines.source_uri,
  lines.source_offset,
  lines.event_id,
  lines.parser_version,
  lines.ingested_at,
  replayed.replayed_at
FROM (
  SELECT {% include 'sql/rejected_lines/columns.sql' %} FROM {{ dataset }}.rejected_backfilled
  UNION ALL
  SELECT {% include 'sql/rejected_lines/columns.sql' %} FROM {{ dataset }}.rejected_streamed
) AS lines
LEFT JOIN {{ dataset }}.replayed_lines AS replayed
  ON lines.source = replayed.source AND lines.event_id = replayed.event_id
  AND SHA256(lines.raw_line) = replayed.raw_line_sha256;
