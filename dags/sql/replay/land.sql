-- Lands the staged rows whose lines are still waiting, each in the table where it would have landed at once, and marks
-- these lines: all of it or nothing. A line that another run has replayed, or that a new backfill of its object has
-- replaced, waits no more. A message that was delivered again and is a row already is marked, and not landed again.
-- MERGE, not INSERT: of two transactions that change replayed_lines BigQuery cancels one, of two that only insert none.
DECLARE landed_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP();
DECLARE first_day DATE;
DECLARE last_day DATE;
DECLARE touched_days ARRAY<DATE>;
BEGIN TRANSACTION;
SET first_day = (SELECT MIN(DATE(ingested_at)) FROM {{ staging }}.replay_lines_{{ suffix }});
SET last_day = (SELECT MAX(DATE(ingested_at)) FROM {{ staging }}.replay_lines_{{ suffix }});
SET touched_days = (SELECT ARRAY_AGG(DISTINCT log_date) FROM {{ staging }}.replayed_{{ suffix }});

MERGE {{ dataset }}.replayed_lines AS marked
USING (
  SELECT lines.run_id, lines.source, lines.source_uri, lines.event_id, SHA256(lines.raw_line) AS raw_line_sha256
  FROM {{ staging }}.replay_lines_{{ suffix }} AS lines
  JOIN {{ staging }}.replayed_{{ suffix }} AS replayed USING (source, event_id)
  WHERE lines.source = 'stream' OR CONCAT(lines.event_id, ' ', TO_HEX(SHA256(lines.raw_line))) IN (
    SELECT CONCAT(event_id, ' ', TO_HEX(SHA256(raw_line))) FROM {{ dataset }}.rejected_backfilled
    WHERE DATE(ingested_at) BETWEEN first_day AND last_day
  )
) AS became_row
ON marked.source = became_row.source AND marked.event_id = became_row.event_id
  AND marked.raw_line_sha256 = became_row.raw_line_sha256
WHEN NOT MATCHED THEN
  INSERT (source, source_uri, event_id, raw_line_sha256, replayed_at, run_id)
  VALUES (source, source_uri, event_id, raw_line_sha256, landed_at, run_id);

INSERT INTO {{ dataset }}.backfilled_requests ({% include 'sql/requests/columns.sql' %})
SELECT {% include 'sql/requests/columns.sql' %} FROM {% include 'sql/replay/became_rows.sql' %}
WHERE source = 'backfill' AND event_id NOT IN (
  SELECT event_id FROM {{ dataset }}.backfilled_requests
  WHERE log_date IN UNNEST(touched_days) AND {% include 'sql/backfilled_requests/is_landed.sql' %}
);
INSERT INTO {{ dataset }}.streamed_requests ({% include 'sql/requests/columns.sql' %})
SELECT {% include 'sql/requests/columns.sql' %} FROM {% include 'sql/replay/became_rows.sql' %}
WHERE source = 'stream' AND CONCAT(TO_HEX(raw_line_hash), event_id) NOT IN (
  SELECT CONCAT(TO_HEX(raw_line_hash), event_id) FROM {{ dataset }}.streamed_requests
  WHERE log_date IN UNNEST(touched_days)
);

INSERT INTO {{ dataset }}.ledger
  (run_id, source, source_uri, log_format, lines, `rows`, rejected, blank, bytes, job_id, parser_version, started, finished)
SELECT
  run_id, 'replay', source_uri, log_format, lines, good, lines - good, 0, bytes, '{{ job_id }}', parser_version, started, landed_at
FROM (
  SELECT source_uri, MIN(log_format) AS log_format, COUNT(*) AS lines, SUM(LENGTH(raw_line)) AS bytes
  FROM {{ staging }}.replay_lines_{{ suffix }} GROUP BY source_uri
)
JOIN (
  SELECT source_uri, run_id, COUNT(*) AS good, MIN(parser_version) AS parser_version
  FROM {% include 'sql/replay/became_rows.sql' %} GROUP BY source_uri, run_id
) USING (source_uri)
CROSS JOIN (SELECT MIN(ingested_at) AS started FROM {{ staging }}.replayed_{{ suffix }});
INSERT INTO {{ dataset }}.ledger_days (run_id, source_uri, log_date, `rows`, finished)
SELECT run_id, source_uri, log_date, COUNT(*), landed_at
FROM {% include 'sql/replay/became_rows.sql' %} GROUP BY run_id, source_uri, log_date;
COMMIT TRANSACTION;
