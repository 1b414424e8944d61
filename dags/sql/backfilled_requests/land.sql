-- Replaces everything landed from the source objects of the staged ledger with what is staged: rows, rejected lines and
-- ledger, all of them or none. What has landed of an object stays as it is where the object could not be read, and where a
-- newer generation has landed meanwhile, or the same one by a later job; the ledger gets its entry all the same.
-- As a rule a copy job has brought the staged rows: they count as soon as the ledger has their reading. Where it has not, or
-- somebody has changed what it brought, `copied_readings` does not say so any more, and the rows are inserted.
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
{# Readings, with the days of their rows, that nothing but a copy has brought and that do not land now. #}
{% set left_over %}
    SELECT reading, log_date FROM {{ dataset }}.copied_readings WHERE removed_at IS NULL AND copied_until <= moment
    UNION ALL
    SELECT staged.reading, days.log_date
    FROM {{ staging }}.ledger_{{ suffix }} AS staged JOIN {{ staging }}.ledger_days_{{ suffix }} AS days USING (source_uri)
    WHERE NOT counts_on_copy OR staged.source_uri NOT IN ({{ replaced }})
{% endset %}
DECLARE counts_on_copy BOOL;
DECLARE moment TIMESTAMP DEFAULT CURRENT_TIMESTAMP();
DECLARE touched_days ARRAY<DATE>;
DECLARE inserted_days ARRAY<DATE>;
BEGIN TRANSACTION;
SET counts_on_copy = {% include 'sql/copied_readings/none_has_landed.sql' %} AND NOT EXISTS (
  SELECT reading FROM {{ staging }}.ledger_{{ suffix }}
  WHERE `rows` > 0 AND IFNULL(reading, 0) NOT IN (
    SELECT reading FROM {{ dataset }}.copied_readings WHERE removed_at IS NULL AND copied_until > moment
  )
);
SET touched_days = (
  SELECT ARRAY_AGG(DISTINCT log_date) FROM (
    SELECT log_date FROM {{ dataset }}.ledger_days WHERE source_uri IN ({{ replaced }})
    UNION ALL
    SELECT log_date FROM ({{ left_over }})
  )
);
SET inserted_days = (
  SELECT ARRAY_AGG(DISTINCT log_date) FROM {{ staging }}.ledger_days_{{ suffix }} WHERE NOT counts_on_copy
);

-- As a rule nothing of these objects is there before, and there is nothing to insert: without a day nothing is read.
DELETE FROM {{ dataset }}.backfilled_requests
WHERE log_date IN UNNEST(touched_days) AND (
  source_uri IN ({{ replaced }}) AND {% include 'sql/backfilled_requests/is_landed.sql' %}
  OR reading IN (SELECT reading FROM ({{ left_over }}))
);
INSERT INTO {{ dataset }}.backfilled_requests ({% include 'sql/requests/columns.sql' %}, reading)
SELECT {% with source_column = "'backfill' AS source" %}{% include 'sql/requests/columns.sql' %}{% endwith %}, reading
FROM {{ staging }}.rows_{{ suffix }}
WHERE log_date IN UNNEST(inserted_days) AND source_uri IN ({{ replaced }});

DELETE FROM {{ dataset }}.rejected_backfilled
WHERE source_uri IN ({{ replaced }});
DELETE FROM {{ dataset }}.replayed_lines
WHERE source = 'backfill' AND source_uri IN ({{ replaced }});
INSERT INTO {{ dataset }}.rejected_backfilled ({% include 'sql/rejected_lines/columns.sql' %})
SELECT {% include 'sql/rejected_lines/columns.sql' %} FROM {{ staging }}.rejected_{{ suffix }} WHERE source_uri IN ({{ replaced }});

-- The run's entry of what has landed of an object outlives that the run could not read it another time, and what an earlier
-- job of the run has staged: without its entry, rows would not count.
{% set not_newer %}finished <= (SELECT MAX(finished) FROM {{ staging }}.ledger_{{ suffix }}){% endset %}
DELETE FROM {{ dataset }}.ledger
WHERE run_id IN (SELECT run_id FROM {{ staging }}.ledger_{{ suffix }})
  AND source_uri IN (SELECT source_uri FROM {{ staging }}.ledger_{{ suffix }})
  AND (error_type IS NOT NULL OR source_uri IN ({{ read }}))
  AND {{ not_newer }};
INSERT INTO {{ dataset }}.ledger
  (run_id, source, source_uri, generation, log_format, lines, `rows`, rejected, blank, bytes, job_id, parser_version, started,
   finished, frames, formats, error_type, error_message, reading)
SELECT
  run_id, source, source_uri, generation, log_format, lines, `rows`, rejected, blank, bytes, job_id, parser_version, started,
  finished, frames, formats, error_type, error_message, IF(source_uri IN ({{ replaced }}), reading, NULL)
FROM {{ staging }}.ledger_{{ suffix }};

DELETE FROM {{ dataset }}.ledger_days
WHERE run_id IN (SELECT run_id FROM {{ staging }}.ledger_{{ suffix }}) AND source_uri IN ({{ read }}) AND {{ not_newer }};
INSERT INTO {{ dataset }}.ledger_days (run_id, source_uri, generation, log_date, `rows`, finished)
SELECT run_id, source_uri, generation, log_date, `rows`, finished FROM {{ staging }}.ledger_days_{{ suffix }};

-- Whoever else is landing the same readings finds that they have landed, or that they may not count on the copy.
DELETE FROM {{ dataset }}.copied_readings WHERE reading IN (SELECT reading FROM {{ dataset }}.ledger WHERE reading IS NOT NULL);
UPDATE {{ dataset }}.copied_readings SET removed_at = moment
WHERE removed_at IS NULL AND reading IN (SELECT reading FROM ({{ left_over }}));
COMMIT TRANSACTION;
