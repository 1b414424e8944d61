-- The line as text. Bytes that are no UTF-8 become U+FFFD on BigQuery; the local one has NULL for such a line, then its ASCII.
IFNULL(
  SAFE_CONVERT_BYTES_TO_STRING(raw_line),
  SAFE_CONVERT_BYTES_TO_STRING(FROM_HEX(REGEXP_REPLACE(TO_HEX(raw_line), r'([0-7][0-9a-f])|[89a-f][0-9a-f]', r'\1')))
)
