-- Every request of `days` once. A message delivered twice has one event_id and one line. A line that was streamed and is in
-- a log file too is one request: the n-th time the file has the line is the n-th time the stream brought it. So all lines
-- of the files stay, and of the stream only what goes beyond them; real repetitions are kept on both sides. `streamed_days`
-- are those of `days` that the stream may have brought lines of: no others are looked at twice.
-- No WITH for the rows of the files: read twice, the emulator would keep a copy of all of them.
WITH delivered_once AS (
  SELECT * FROM {{ dataset }}.streamed_requests WHERE {{ streamed_days }}
  QUALIFY ROW_NUMBER() OVER (PARTITION BY log_date, event_id, raw_line_hash ORDER BY ingested_at) = 1
),
streamed AS (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY log_date, raw_line_hash ORDER BY ingested_at, event_id) AS occurrence
  FROM delivered_once
),
in_files AS (
  SELECT log_date, raw_line_hash, COUNT(*) AS occurrences FROM {{ dataset }}.backfilled_requests
  WHERE {{ streamed_days }} AND {% include 'sql/backfilled_requests/is_landed.sql' %}
  GROUP BY log_date, raw_line_hash
)
SELECT {% with source_column = "'backfill' AS source" %}{% include 'sql/requests/columns.sql' %}{% endwith %}

FROM {{ dataset }}.backfilled_requests
WHERE {{ days }} AND {% include 'sql/backfilled_requests/is_landed.sql' %}
UNION ALL
SELECT {% include 'sql/requests/columns.sql' %}
FROM streamed LEFT JOIN in_files USING (log_date, raw_line_hash)
WHERE occurrence > IFNULL(occurrences, 0)
