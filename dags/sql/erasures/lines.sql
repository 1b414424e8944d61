-- All that is held of the person, by table. A line that was rejected and replayed is erased with its row, and the row with
-- the line, whichever of them shows who it was. Rows that have not landed are looked into as well. A rejected line has no
-- day but that on which it was made. requests and the tables of visits are looked into themselves: rows of the landing
-- tables may have expired before theirs.
WITH persons_rows AS (
  SELECT 'backfilled_requests' AS table_name, log_date, source, source_uri, event_id, raw_line_hash AS line_hash, ingested_at,
    {% include 'sql/erasures/is_person.sql' %} AS is_named, reading
  FROM {{ dataset }}.backfilled_requests
  WHERE log_date BETWEEN CAST(@start_date AS DATE) AND CAST(@end_date AS DATE)
  UNION ALL
  SELECT 'streamed_requests', log_date, source, source_uri, event_id, raw_line_hash, ingested_at,
    {% include 'sql/erasures/is_person.sql' %}, NULL
  FROM {{ dataset }}.streamed_requests
  WHERE log_date BETWEEN CAST(@start_date AS DATE) AND CAST(@end_date AS DATE)
),
persons_lines AS (
  SELECT 'rejected_backfilled' AS table_name, source, source_uri, event_id, SHA256(raw_line) AS line_hash, ingested_at,
    REGEXP_CONTAINS({% include 'sql/erasures/raw_text.sql' %}, @line_pattern) AS is_named
  FROM {{ dataset }}.rejected_backfilled
  WHERE DATE(ingested_at) BETWEEN CAST(@start_date AS DATE) AND CAST(@end_date AS DATE)
  UNION ALL
  SELECT 'rejected_streamed', source, source_uri, event_id, SHA256(raw_line), ingested_at,
    REGEXP_CONTAINS({% include 'sql/erasures/raw_text.sql' %}, @line_pattern)
  FROM {{ dataset }}.rejected_streamed
  WHERE DATE(ingested_at) BETWEEN CAST(@start_date AS DATE) AND CAST(@end_date AS DATE)
),
marks AS (
  SELECT source, event_id, raw_line_sha256 FROM {{ dataset }}.replayed_lines
),
named AS (
  SELECT source, event_id FROM persons_rows WHERE is_named
  UNION DISTINCT
  SELECT source, event_id FROM persons_lines WHERE is_named
)
SELECT table_name, log_date, source, source_uri, event_id, line_hash, ingested_at,
  CONCAT(source, ' ', event_id) IN (SELECT CONCAT(source, ' ', event_id) FROM marks) AS is_replayed,
  reading
FROM persons_rows
WHERE is_named
  OR CONCAT(source, ' ', event_id) IN (
    SELECT CONCAT(source, ' ', event_id) FROM marks JOIN named USING (source, event_id)
  )
UNION ALL
SELECT table_name, DATE(ingested_at), source, source_uri, event_id, line_hash, ingested_at,
  CONCAT(source, ' ', event_id) IN (SELECT CONCAT(source, ' ', event_id) FROM marks), NULL
FROM persons_lines
WHERE is_named
  OR CONCAT(source, ' ', event_id) IN (
    SELECT CONCAT(source, ' ', event_id) FROM marks JOIN named USING (source, event_id)
  )
UNION ALL
SELECT 'requests', log_date, source, source_uri, event_id, raw_line_hash, ingested_at, FALSE, NULL
FROM {{ dataset }}.requests
WHERE log_date BETWEEN CAST(@start_date AS DATE) AND CAST(@end_date AS DATE) AND {% include 'sql/erasures/is_person.sql' %}
{% for table in ['daily_visitors', 'daily_sessions', 'session_parts'] %}
UNION ALL
SELECT '{{ table }}', log_date, '', NULL, '', NULL, first_request, FALSE, NULL
FROM {{ dataset }}.{{ table }}
WHERE log_date BETWEEN CAST(@start_date AS DATE) AND CAST(@end_date AS DATE)
  AND remote_addr IN (SELECT JSON_VALUE(item) FROM UNNEST(JSON_QUERY_ARRAY(@addresses)) AS item)
{% endfor %}
