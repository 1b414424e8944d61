-- What was read against what has landed against what is in requests, for `days`. The lines of a source object or a batch
-- that are of no day (rejected, blank) count on one: of an object see main_days, of a batch of the stream the day it came.
-- `streamed_days` and `replayed_days` are those of `days` that the stream and the replays have landed lines of; `since` is before anything of them was read: nothing older is looked at.
WITH {% include 'sql/ledger/main_days.sql' %},
batches AS (
  SELECT IFNULL(log_date, DATE(ingested_at)) AS log_date, log_date IS NULL AS of_no_day, source_uri, ingested_at, lines,
    `rows` AS good, rejected, blank
  -- Apart, so that log_date is the entry's own: a batch has one for today and one without a day.
  FROM (
    SELECT * FROM {{ dataset }}.stream_batches
    WHERE ingested_at >= {{ since }}
    QUALIFY ROW_NUMBER() OVER (PARTITION BY batch_id, log_date ORDER BY ingested_at) = 1
  )
),
row_batches AS (
  SELECT log_date, source_uri, ingested_at, SUM(good) AS good
  FROM batches WHERE {{ days }} AND NOT of_no_day GROUP BY log_date, source_uri, ingested_at
),
rejected_batches AS (
  SELECT log_date, source_uri, ingested_at, SUM(rejected) AS rejected
  FROM batches WHERE of_no_day AND rejected > 0 GROUP BY log_date, source_uri, ingested_at
),
-- Of a batch that is younger the entry may still be on its way, as long as the stream is down even those of a killed job.
moments AS (
  SELECT TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR) AS settled,
    LEAST(
      IFNULL((SELECT MIN(ingested_at) FROM batches), TIMESTAMP '9999-01-01 00:00:00+00'),
      IFNULL((SELECT MIN(started) FROM {{ dataset }}.ledger WHERE source = 'stream'), TIMESTAMP '9999-01-01 00:00:00+00')
    ) AS ledger_begins
),
replayed AS (
  SELECT event_id FROM {{ dataset }}.replayed_lines GROUP BY event_id
),
-- A reading is of one object. Those of before there were readings are told apart by their days alone.
reading_days AS (
  SELECT reading, log_date, SUM(good) AS good FROM object_days GROUP BY reading, log_date
),
backfilled AS (
  SELECT log_date, reading, landed, IFNULL(replayed, 0) AS replayed
  FROM (
    SELECT log_date, IFNULL(reading, 0) AS reading, COUNT(*) AS landed FROM {{ dataset }}.backfilled_requests
    WHERE {{ days }} AND {% include 'sql/backfilled_requests/is_landed.sql' %}
    GROUP BY log_date, IFNULL(reading, 0)
  ) LEFT JOIN (
    SELECT log_date, IFNULL(reading, 0) AS reading, COUNT(*) AS replayed
    FROM {{ dataset }}.backfilled_requests JOIN replayed USING (event_id)
    WHERE {{ replayed_days }} AND {% include 'sql/backfilled_requests/is_landed.sql' %}
    GROUP BY log_date, IFNULL(reading, 0)
  ) USING (log_date, reading)
),
streamed AS (
  SELECT log_date, source_uri, ingested_at, event_id, raw_line_hash, replayed.event_id IS NOT NULL AS is_replayed
  FROM {{ dataset }}.streamed_requests LEFT JOIN replayed USING (event_id)
  WHERE {{ streamed_days }}
),
streamed_batches AS (
  SELECT log_date, source_uri, ingested_at, COUNT(*) AS landed
  FROM streamed GROUP BY log_date, source_uri, ingested_at
),
messages AS (
  SELECT log_date, event_id, raw_line_hash, COUNT(*) AS landed, COUNTIF(is_replayed) AS replayed,
    MAX(ingested_at) AS ingested_at, COUNTIF(good IS NOT NULL) AS in_ledger
  FROM streamed LEFT JOIN row_batches USING (log_date, source_uri, ingested_at)
  GROUP BY log_date, event_id, raw_line_hash
),
streamed_lines AS (
  SELECT log_date, raw_line_hash, COUNT(*) AS messages FROM messages GROUP BY log_date, raw_line_hash
),
backfilled_lines AS (
  SELECT log_date, raw_line_hash, COUNT(*) AS landed FROM {{ dataset }}.backfilled_requests
  WHERE {{ streamed_days }} AND raw_line_hash IN (SELECT raw_line_hash FROM streamed_lines)
    AND {% include 'sql/backfilled_requests/is_landed.sql' %}
  GROUP BY log_date, raw_line_hash
),
rejected_objects AS (
  SELECT source_uri, COUNT(*) AS landed FROM {{ dataset }}.rejected_backfilled
  WHERE ingested_at >= {{ since }} GROUP BY source_uri
),
rejected_streamed AS (
  SELECT DATE(ingested_at) AS log_date, source_uri, ingested_at, event_id FROM {{ dataset }}.rejected_streamed
  WHERE ingested_at >= {{ since }}
),
rejected_landed AS (
  SELECT log_date, source_uri, ingested_at, COUNT(*) AS landed FROM rejected_streamed
  GROUP BY log_date, source_uri, ingested_at
),
-- A copy may come on the next day.
rejected_messages AS (
  SELECT event_id, MAX(log_date) AS log_date, MAX(ingested_at) AS ingested_at, COUNTIF(rejected IS NOT NULL) AS in_ledger
  FROM rejected_streamed LEFT JOIN rejected_batches USING (log_date, source_uri, ingested_at)
  GROUP BY event_id
),
still_unread AS (
  {% include 'sql/unread_objects/still_unread.sql' %}
),
builds AS (
  SELECT log_date, decided_at, backfilled + streamed AS landed FROM {{ dataset }}.request_builds
  WHERE decision IN ('rebuilt', 'added')
  QUALIFY ROW_NUMBER() OVER (PARTITION BY log_date ORDER BY decided_at DESC) = 1
),
sequences AS (
  SELECT log_date, SUM(missing) AS missing_numbers, SUM(repeats) AS repeated_numbers
  FROM {{ dataset }}.hourly_sequences WHERE {{ days }} GROUP BY log_date
),
figures AS (
  SELECT log_date, 'lines' AS figure, good AS n FROM object_days
  UNION ALL SELECT log_date, 'rows', good FROM object_days
  UNION ALL SELECT log_date, 'lines', lines - of_all_days FROM main_days
  UNION ALL SELECT log_date, 'rejected', rejected FROM main_days
  UNION ALL SELECT log_date, 'blank', blank FROM main_days
  UNION ALL SELECT log_date, 'lines', lines FROM batches
  UNION ALL SELECT log_date, 'rows', good FROM batches
  UNION ALL SELECT log_date, 'rejected', rejected FROM batches
  UNION ALL SELECT log_date, 'blank', blank FROM batches

  UNION ALL SELECT log_date, 'landed', landed FROM backfilled
  UNION ALL SELECT log_date, 'replayed', replayed FROM backfilled
  UNION ALL SELECT log_date, 'landed', landed FROM messages
  UNION ALL SELECT log_date, 'replayed', IF(replayed > 0, 1, 0) FROM messages
  UNION ALL SELECT log_date, 'delivered_again', landed - 1 FROM messages
  UNION ALL SELECT log_date, 'in_both', LEAST(backfilled_lines.landed, messages)
    FROM backfilled_lines JOIN streamed_lines USING (log_date, raw_line_hash)
  UNION ALL SELECT log_date, 'requests', COUNT(*) FROM {{ dataset }}.requests WHERE {{ days }} GROUP BY log_date

  UNION ALL SELECT log_date, 'rows_difference', ABS(IFNULL(good, 0) - IFNULL(landed - replayed, 0))
    FROM reading_days FULL JOIN backfilled USING (log_date, reading)
  UNION ALL SELECT log_date, 'rows_difference', GREATEST(good - IFNULL(landed, 0), 0)
    FROM row_batches LEFT JOIN streamed_batches USING (log_date, source_uri, ingested_at)
  UNION ALL SELECT log_date, 'in_flight', 1 FROM messages CROSS JOIN moments
    WHERE in_ledger = 0 AND replayed = 0 AND ingested_at >= settled
  UNION ALL SELECT log_date, 'rows_difference', 1 FROM messages CROSS JOIN moments
    WHERE in_ledger = 0 AND replayed = 0 AND ingested_at < settled AND ingested_at >= ledger_begins

  UNION ALL SELECT log_date, 'rejected_difference', ABS(rejected - IFNULL(landed, 0))
    FROM main_days LEFT JOIN rejected_objects USING (source_uri)
  UNION ALL SELECT log_date, 'rejected_difference', GREATEST(rejected - IFNULL(landed, 0), 0)
    FROM rejected_batches LEFT JOIN rejected_landed USING (log_date, source_uri, ingested_at)
  UNION ALL SELECT log_date, 'in_flight', 1 FROM rejected_messages CROSS JOIN moments
    WHERE in_ledger = 0 AND ingested_at >= settled
  UNION ALL SELECT log_date, 'rejected_difference', 1 FROM rejected_messages CROSS JOIN moments
    WHERE in_ledger = 0 AND ingested_at < settled AND ingested_at >= ledger_begins

  UNION ALL SELECT log_date, 'unread_objects', COUNT(*) FROM still_unread GROUP BY log_date
),
days AS (
  SELECT
    log_date,
{% for figure in ['lines', 'rows', 'rejected', 'blank', 'landed', 'replayed', 'delivered_again', 'in_both', 'requests',
                  'in_flight', 'rows_difference', 'rejected_difference', 'unread_objects'] %}
    SUM(IF(figure = '{{ figure }}', n, 0)) AS `{{ figure }}`{{ '' if loop.last else ',' }}
{% endfor %}
  FROM figures
  WHERE {{ days }}
  GROUP BY log_date
),
differences AS (
  SELECT
    days.*,
    missing_numbers,
    repeated_numbers,
    decided_at AS built_at,
    IFNULL(builds.landed, 0) != days.landed AS changed,
    lines - days.`rows` - rejected - blank AS lines_difference,
    days.landed - requests - delivered_again - in_both AS requests_difference
  FROM days LEFT JOIN builds USING (log_date) LEFT JOIN sequences USING (log_date)
)
SELECT
  log_date,
  CASE
    WHEN lines_difference != 0 OR rows_difference != 0 OR rejected_difference != 0 THEN 'unbalanced'
    WHEN changed THEN 'outdated'
    WHEN requests_difference != 0 THEN 'unbalanced'
    WHEN unread_objects != 0 THEN 'incomplete'
    ELSE 'balanced'
  END AS status,
  lines,
  `rows`,
  rejected,
  blank,
  landed,
  requests,
  delivered_again + in_both AS duplicates,
  delivered_again,
  in_both,
  replayed,
  in_flight,
  lines_difference,
  rows_difference,
  rejected_difference,
  requests_difference,
  built_at,
  unread_objects,
  missing_numbers,
  repeated_numbers
FROM differences
