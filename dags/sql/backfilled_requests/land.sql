-- Replaces everything landed from the source objects of the staged ledger with what is staged: rows, rejected lines and
-- ledger, all of them or none. The days to touch are those the objects have rows in now and those they had rows in before.
-- What has landed of an object stays as it is where the object could not be read, and where a newer generation has landed
-- meanwhile, or the same one by a later job; the ledger gets its entry all the same.
{% set read %}SELECT source_uri FROM {{ staging }}.ledger_{{ suffix }} WHERE error_type IS NULL{% endset %}
{% set replaced %}
    {{ read }} AND source_uri NOT IN (
      SELECT staged.source_uri
      FROM {{ staging }}.ledger_{{ suffix }} AS staged JOIN {{ dataset }}.ledger AS landed USING (source_uri)
      WHERE landed.source = 'backfill' AND landed.error_type IS NULL AND (
        landed.generation > staged.generation
        OR landed.generation = staged.generation AND landed.finished > staged.finished
      )
    )
{% endset %}
DECLARE touched_days ARRAY<DATE>;
BEGIN TRANSACTION;
SET touched_days = (
  SELECT ARRAY_AGG(DISTINCT log_date) FROM (
    SELECT log_date FROM {{ staging }}.ledger_days_{{ suffix }}
    UNION ALL
    SELECT log_date FROM {{ dataset }}.ledger_days WHERE source_uri IN ({{ read }})
  )
);

DELETE FROM {{ dataset }}.backfilled_requests
WHERE log_date IN UNNEST(touched_days) AND source_uri IN ({{ replaced }});
INSERT INTO {{ dataset }}.backfilled_requests ({% include 'sql/requests/columns.sql' %})
SELECT {% with source_column = "'backfill' AS source" %}{% include 'sql/requests/columns.sql' %}{% endwith %}

FROM {{ staging }}.rows_{{ suffix }}
WHERE source_uri IN ({{ replaced }});

DELETE FROM {{ dataset }}.rejected_backfilled
WHERE source_uri IN ({{ replaced }});
DELETE FROM {{ dataset }}.replayed_lines
WHERE source = 'backfill' AND source_uri IN ({{ replaced }});
INSERT INTO {{ dataset }}.rejected_backfilled ({% include 'sql/rejected_lines/columns.sql' %})
SELECT {% include 'sql/rejected_lines/columns.sql' %} FROM {{ staging }}.rejected_{{ suffix }} WHERE source_uri IN ({{ replaced }});

-- The run's entry of what has landed of an object outlives that the run could not read it another time.
DELETE FROM {{ dataset }}.ledger
WHERE run_id IN (SELECT run_id FROM {{ staging }}.ledger_{{ suffix }})
  AND source_uri IN (SELECT source_uri FROM {{ staging }}.ledger_{{ suffix }})
  AND (error_type IS NOT NULL OR source_uri IN ({{ read }}));
INSERT INTO {{ dataset }}.ledger
  (run_id, source, source_uri, generation, log_format, lines, `rows`, rejected, blank, bytes, job_id, parser_version, started,
   finished, frames, formats, error_type, error_message)
SELECT
  run_id, source, source_uri, generation, log_format, lines, `rows`, rejected, blank, bytes, job_id, parser_version, started,
  finished, frames, formats, error_type, error_message
FROM {{ staging }}.ledger_{{ suffix }};

DELETE FROM {{ dataset }}.ledger_days
WHERE run_id IN (SELECT run_id FROM {{ staging }}.ledger_{{ suffix }}) AND source_uri IN ({{ read }});
INSERT INTO {{ dataset }}.ledger_days (run_id, source_uri, generation, log_date, `rows`, finished)
SELECT run_id, source_uri, generation, log_date, `rows`, finished FROM {{ staging }}.ledger_days_{{ suffix }};
COMMIT TRANSACTION;
