-- Landing table of the stream: append only.
CREATE TABLE IF NOT EXISTS {{ dataset }}.streamed_requests (
  log_date DATE NOT NULL OPTIONS (description = 'Day of the request in UTC, from the line\'s own time'),
  timestamp TIMESTAMP NOT NULL OPTIONS (description = 'Instant of the request as the server logged it'),
  remote_addr STRING OPTIONS (description = 'Address of the client'),
  remote_user STRING OPTIONS (description = 'User name of HTTP authentication'),
  method STRING OPTIONS (description = 'HTTP method; NULL where the request line is not METHOD target PROTOCOL'),
  path STRING OPTIONS (description = 'Target of the request without its query, percent-encoding as logged; the raw text of a request line that is none'),
  query STRING OPTIONS (description = 'Query of the target, without the question mark'),
  protocol STRING OPTIONS (description = 'For example HTTP/1.1'),
  status INT64 OPTIONS (description = 'HTTP status'),
  body_bytes_sent INT64 OPTIONS (description = 'Bytes of the response\'s body'),
  referer STRING OPTIONS (description = 'Referer header'),
  user_agent STRING OPTIONS (description = 'User-Agent header'),
  browser STRING OPTIONS (description = 'Browser family read from the user agent'),
  os STRING OPTIONS (description = 'Operating system family read from the user agent'),
  device STRING OPTIONS (description = 'Device family read from the user agent'),
  is_bot BOOL OPTIONS (description = 'Whether the user agent says it is a crawler'),
  host STRING OPTIONS (description = 'Virtual host, where the format has it'),
  request_duration_ms FLOAT64 OPTIONS (description = 'Milliseconds the server took, where the format has it'),
  raw_line_hash BYTES OPTIONS (description = 'MurmurHash3 x64 128 of the line without its end'),
  event_id STRING NOT NULL OPTIONS (description = 'Identity of the landed row: source object, generation and offset, or the message of the stream'),
  source STRING NOT NULL OPTIONS (description = 'backfill or stream'),
  source_uri STRING OPTIONS (description = 'Object or subscription the line came from'),
  source_offset INT64 OPTIONS (description = 'Byte offset of the line in the (decompressed) object'),
  parser_version STRING OPTIONS (description = 'Version of the parser that made the row'),
  ingested_at TIMESTAMP OPTIONS (description = 'When the row was made')
)
PARTITION BY log_date
CLUSTER BY raw_line_hash, event_id
OPTIONS (
  {% if landing_expiry_days | default(none) %}partition_expiration_days = {{ landing_expiry_days }},
  {% endif %}
  description = 'Requests as the stream landed them; a redelivered message is here twice',
  require_partition_filter = TRUE
);
