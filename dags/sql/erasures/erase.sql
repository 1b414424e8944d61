-- Takes the person out of all tables that the stream does not append to. The ledger gets an entry for each source object with
-- what is left of it, which makes daily_summary build the days again; those that only the stream has brought are reopened.
BEGIN TRANSACTION;
DELETE FROM {{ dataset }}.backfilled_requests
WHERE log_date BETWEEN DATE '{{ first_day }}' AND DATE '{{ last_day }}' AND event_id IN (
  SELECT event_id FROM {{ staging }}.erasure_{{ suffix }} WHERE table_name = 'backfilled_requests'
);
-- Of these copies rows are missing now: what is landing inserts its rows.
UPDATE {{ dataset }}.copied_readings SET copied_until = CURRENT_TIMESTAMP()
WHERE copied_until > CURRENT_TIMESTAMP() AND reading IN (
  SELECT reading FROM {{ staging }}.erasure_{{ suffix }} WHERE reading IS NOT NULL
);
DELETE FROM {{ dataset }}.rejected_backfilled
WHERE event_id IN (SELECT event_id FROM {{ staging }}.erasure_{{ suffix }} WHERE table_name = 'rejected_backfilled');
DELETE FROM {{ dataset }}.replayed_lines
WHERE CONCAT(source, ' ', event_id) IN (
  SELECT CONCAT(source, ' ', event_id) FROM {{ staging }}.erasure_{{ suffix }} WHERE is_replayed
);
DELETE FROM {{ dataset }}.requests
WHERE log_date BETWEEN DATE '{{ first_day }}' AND DATE '{{ last_day }}'
  AND CONCAT(event_id, ' ', IFNULL(TO_HEX(raw_line_hash), '')) IN (
    SELECT CONCAT(event_id, ' ', IFNULL(TO_HEX(line_hash), '')) FROM {{ staging }}.erasure_{{ suffix }}
    WHERE table_name IN ('backfilled_requests', 'streamed_requests', 'requests')
  );
{% for table in ['daily_visitors', 'daily_sessions', 'session_parts'] %}
DELETE FROM {{ dataset }}.{{ table }}
WHERE log_date BETWEEN DATE '{{ first_day }}' AND DATE '{{ last_day }}'
  AND remote_addr IN (SELECT remote_addr FROM {{ staging }}.erasure_addresses_{{ suffix }});
{% endfor %}

DELETE FROM {{ dataset }}.ledger WHERE run_id = '{{ run_id }}';
DELETE FROM {{ dataset }}.ledger_days WHERE run_id = '{{ run_id }}';
-- The days first: they are those of the reading that is about to have a newer entry.
INSERT INTO {{ dataset }}.ledger_days (run_id, source_uri, generation, log_date, `rows`, finished)
SELECT '{{ run_id }}', source_uri, days.generation, log_date, days.`rows` - IFNULL(taken, 0), CURRENT_TIMESTAMP()
FROM {{ dataset }}.ledger_days AS days
JOIN {% include 'sql/erasures/readings.sql' %} AS readings USING (source_uri, run_id)
LEFT JOIN (
  SELECT source_uri, log_date, COUNT(DISTINCT event_id) AS taken FROM {{ staging }}.erasure_{{ suffix }}
  WHERE table_name = 'backfilled_requests' AND NOT is_replayed AND {% include 'sql/backfilled_requests/is_landed.sql' %}
  GROUP BY source_uri, log_date
) AS erased USING (source_uri, log_date);
INSERT INTO {{ dataset }}.ledger
  (run_id, source, source_uri, generation, log_format, lines, `rows`, rejected, blank, bytes, job_id, parser_version, started,
   finished, frames, formats, reading)
SELECT
  '{{ run_id }}', 'backfill', source_uri, generation, log_format, lines - erased_rows - erased_lines, `rows` - erased_rows,
  rejected - erased_lines, blank, bytes, job_id, parser_version, started, CURRENT_TIMESTAMP(), frames, formats, reading
FROM {% include 'sql/erasures/readings.sql' %} AS readings
JOIN (
  SELECT source_uri,
    COUNT(DISTINCT IF(table_name = 'backfilled_requests' AND NOT is_replayed AND is_landed, event_id, NULL)) AS erased_rows,
    COUNTIF(table_name = 'rejected_backfilled') AS erased_lines
  FROM (
    SELECT *, {% include 'sql/backfilled_requests/is_landed.sql' %} AS is_landed
    FROM {{ staging }}.erasure_{{ suffix }}
  )
  GROUP BY source_uri
) AS erased USING (source_uri);

DELETE FROM {{ dataset }}.request_builds WHERE run_id = '{{ run_id }}';
INSERT INTO {{ dataset }}.request_builds (log_date, run_id, decision, backfilled, streamed, late, decided_at)
SELECT log_date, '{{ run_id }}', 'reopened', 0, 0, -COUNT(*), CURRENT_TIMESTAMP()
FROM {{ staging }}.erasure_{{ suffix }} WHERE table_name = 'streamed_requests'
GROUP BY log_date;

DELETE FROM {{ dataset }}.erasures WHERE run_id = '{{ run_id }}';
INSERT INTO {{ dataset }}.erasures
  (erased_at, run_id, requested_by, subject_sha256, first_day, last_day, table_name, `rows`, source_objects)
SELECT
  CURRENT_TIMESTAMP(), '{{ run_id }}', NULLIF('{{ requested_by }}', ''), '{{ subject_sha256 }}', DATE '{{ first_day }}',
  DATE '{{ last_day }}', table_name, erased, source_objects
FROM (
  SELECT table_name, COUNT(*) AS erased FROM {{ staging }}.erasure_{{ suffix }} GROUP BY table_name
) LEFT JOIN (
  SELECT table_name, TO_JSON_STRING(ARRAY_AGG(DISTINCT source_uri ORDER BY source_uri)) AS source_objects
  FROM {{ staging }}.erasure_{{ suffix }} WHERE source = 'backfill' GROUP BY table_name
) USING (table_name);
COMMIT TRANSACTION;
