-- Replaces everything landed from the source objects of the staged ledger, whatever their generation, with what is staged:
-- rows, rejected lines and ledger, all of them or none. The days to touch are those the objects have rows in now and those
-- they had rows in before.
DECLARE touched_days ARRAY<DATE>;
BEGIN TRANSACTION;
SET touched_days = (
  SELECT ARRAY_AGG(DISTINCT log_date) FROM (
    SELECT log_date FROM {{ staging }}.ledger_days_{{ suffix }}
    UNION ALL
    SELECT log_date FROM {{ dataset }}.ledger_days
    WHERE source_uri IN (SELECT source_uri FROM {{ staging }}.ledger_{{ suffix }})
  )
);

DELETE FROM {{ dataset }}.backfilled_requests
WHERE log_date IN UNNEST(touched_days)
  AND source_uri IN (SELECT source_uri FROM {{ staging }}.ledger_{{ suffix }});
INSERT INTO {{ dataset }}.backfilled_requests ({% include 'sql/requests/columns.sql' %})
SELECT {% include 'sql/requests/columns.sql' %} FROM {{ staging }}.rows_{{ suffix }};

DELETE FROM {{ dataset }}.rejected_backfilled
WHERE source_uri IN (SELECT source_uri FROM {{ staging }}.ledger_{{ suffix }});
DELETE FROM {{ dataset }}.replayed_lines
WHERE source = 'backfill' AND source_uri IN (SELECT source_uri FROM {{ staging }}.ledger_{{ suffix }});
INSERT INTO {{ dataset }}.rejected_backfilled ({% include 'sql/rejected_lines/columns.sql' %})
SELECT {% include 'sql/rejected_lines/columns.sql' %} FROM {{ staging }}.rejected_{{ suffix }};

DELETE FROM {{ dataset }}.ledger
WHERE run_id IN (SELECT run_id FROM {{ staging }}.ledger_{{ suffix }})
  AND source_uri IN (SELECT source_uri FROM {{ staging }}.ledger_{{ suffix }});
INSERT INTO {{ dataset }}.ledger
  (run_id, source, source_uri, generation, log_format, lines, `rows`, rejected, blank, bytes, job_id, parser_version, started,
   finished, frames, formats)
SELECT
  run_id, source, source_uri, generation, log_format, lines, `rows`, rejected, blank, bytes, job_id, parser_version, started,
  finished, frames, formats
FROM {{ staging }}.ledger_{{ suffix }};

DELETE FROM {{ dataset }}.ledger_days
WHERE run_id IN (SELECT run_id FROM {{ staging }}.ledger_{{ suffix }})
  AND source_uri IN (SELECT source_uri FROM {{ staging }}.ledger_{{ suffix }});
INSERT INTO {{ dataset }}.ledger_days (run_id, source_uri, generation, log_date, `rows`, finished)
SELECT run_id, source_uri, generation, log_date, `rows`, finished FROM {{ staging }}.ledger_days_{{ suffix }};
COMMIT TRANSACTION;
