-- Replaces `days` in hourly_sequences; `numbered_days` are those of them that have numbered lines: nobody reads the others.
-- A counter is a source, or a connection of it. In the order of time it begins again where its number falls by more than
-- 1,000, for servers write lines of one moment in any order, or where its first number, 0 or 1, comes again.
BEGIN TRANSACTION;
DELETE FROM {{ dataset }}.hourly_sequences WHERE {{ days }};
INSERT INTO {{ dataset }}.hourly_sequences
WITH numbered AS (
  SELECT
    log_date, timestamp, sequence_source, connection, sequence, source_offset,
    ROW_NUMBER() OVER (
      PARTITION BY log_date, sequence_source, connection, sequence, raw_line_hash ORDER BY timestamp, source_offset
    ) > 1 AS is_copy
  FROM {{ dataset }}.requests
  WHERE {{ numbered_days }} AND sequence IS NOT NULL
),
marked AS (
  SELECT
    *,
    sequence + 1000 < before OR (sequence <= 1 AND is_again AND (sequence = 0 OR before != 0)) AS is_restart
  FROM (
    SELECT
      *,
      LAG(sequence) OVER (
        PARTITION BY log_date, sequence_source, connection ORDER BY timestamp, source_offset, sequence
      ) AS before,
      ROW_NUMBER() OVER (
        PARTITION BY log_date, sequence_source, connection, sequence ORDER BY timestamp, source_offset
      ) > 1 AS is_again
    FROM numbered
    WHERE NOT is_copy
  )
),
of_runs AS (
  SELECT
    *,
    SUM(IF(is_restart, 1, 0)) OVER (
      PARTITION BY log_date, sequence_source, connection ORDER BY timestamp, source_offset, sequence
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS run
  FROM marked
),
of_numbers AS (
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY log_date, sequence_source, connection, run, sequence ORDER BY timestamp, source_offset
    ) > 1 AS is_repeat,
    LEAD(sequence) OVER (
      PARTITION BY log_date, sequence_source, connection, run ORDER BY sequence, timestamp DESC, source_offset DESC
    ) - sequence - 1 AS missing
  FROM of_runs
)
SELECT
  log_date,
  TIMESTAMP_TRUNC(timestamp, HOUR) AS hour,
  sequence_source,
  COUNT(*) AS requests,
  COUNTIF(is_repeat IS FALSE) AS numbers,
  COUNTIF(missing > 0) AS gaps,
  SUM(IF(missing > 0, missing, 0)) AS missing,
  COUNTIF(is_repeat IS TRUE) AS repeats,
  COUNTIF(is_repeat IS NULL) AS copies,
  COUNTIF(is_restart IS TRUE) AS restarts
FROM (
  SELECT log_date, timestamp, sequence_source, is_repeat, missing, is_restart FROM of_numbers
  UNION ALL
  SELECT log_date, timestamp, sequence_source, NULL, NULL, NULL FROM numbered WHERE is_copy
)
GROUP BY log_date, hour, sequence_source;
COMMIT TRANSACTION;
