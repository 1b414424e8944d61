-- What is staged against the staged ledger, and this against what was planned and what has landed. Run before anything is
-- replaced: one failing row and the tables stay as they are.
WITH sources AS (
  SELECT
    source_uri,
    generation,
    lines,
    `rows` AS good,
    rejected,
    blank,
    error_type IS NULL AS is_landing,
    error_type IS NULL AND bytes IS NOT NULL AS is_read,
    reading
  FROM {{ staging }}.ledger_{{ suffix }}
),
totals AS (
  SELECT
    COUNT(*) AS sources,
    COUNTIF(is_read) AS are_read,
    IFNULL(SUM(lines), 0) AS lines,
    IFNULL(SUM(good), 0) AS good,
    IFNULL(SUM(rejected), 0) AS rejected,
    IFNULL(MIN(IF(is_read, source_uri, NULL)), '') AS first_read,
    MAX_BY(source_uri, rejected) AS worst_object,
    COUNTIF(lines IS NULL OR good IS NULL OR rejected IS NULL OR blank IS NULL OR lines != good + rejected + blank)
      AS unbalanced,
    IFNULL(MIN(IF(lines = good + rejected + blank, NULL, source_uri)), '') AS first_unbalanced
  FROM sources
),
staged_rows AS (
  SELECT
    COUNT(*) AS staged,
    COUNTIF(log_date IS NULL OR timestamp IS NULL OR source_offset IS NULL OR reading IS NULL) AS incomplete,
    COUNTIF(log_date != DATE(timestamp)) AS misdated
  FROM {{ staging }}.rows_{{ suffix }}
),
-- A reading is of one object, in fewer bytes; an event_id is made of the object and the offset.
of_readings AS (
  SELECT IFNULL(reading, 0) AS reading, COUNT(*) AS staged, COUNT(DISTINCT source_offset) AS offsets
  FROM {{ staging }}.rows_{{ suffix }} GROUP BY IFNULL(reading, 0)
),
identities AS (
  SELECT IFNULL(SUM(staged), 0) AS staged, IFNULL(SUM(offsets), 0) AS offsets FROM of_readings
),
staged_objects AS (
  SELECT COUNT(*) AS differing, IFNULL(MIN(source_uri), '') AS first_object
  FROM (
    SELECT IFNULL(reading, 0) AS reading, SUM(good) AS good, MIN(source_uri) AS source_uri FROM sources
    GROUP BY IFNULL(reading, 0)
  ) FULL JOIN of_readings USING (reading)
  WHERE IFNULL(good, 0) != IFNULL(staged, 0)
),
staged_rejected AS (
  SELECT COUNT(*) AS staged FROM {{ staging }}.rejected_{{ suffix }}
),
staged_days AS (
  SELECT IFNULL(SUM(`rows`), 0) AS good FROM {{ staging }}.ledger_days_{{ suffix }}
),
main_days AS (
  SELECT source_uri, log_date FROM {{ staging }}.ledger_days_{{ suffix }}
  QUALIFY ROW_NUMBER() OVER (PARTITION BY source_uri ORDER BY `rows` DESC, log_date) = 1
),
-- A day that was misread does not hide among the others of its unit, nor does an object without any row in a day.
shares AS (
  SELECT IFNULL(CAST(log_date AS STRING), source_uri) AS part, SUM(lines) AS lines, SUM(rejected) AS rejected,
    MAX_BY(source_uri, rejected) AS worst_object
  FROM sources LEFT JOIN main_days USING (source_uri)
  WHERE log_date IS NOT NULL OR lines >= 100
  GROUP BY part
),
worst_share AS (
  SELECT part, lines, rejected, worst_object FROM (
    SELECT part, lines, rejected, worst_object FROM shares
    UNION ALL
    SELECT 'all files', lines, rejected, worst_object FROM totals
  )
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (ORDER BY rejected - lines * @max_rejected_percent / 100 DESC, part) = 1
),
landed_before AS (
  SELECT source_uri, generation, `rows` AS good, run_id FROM {{ dataset }}.ledger
  WHERE source = 'backfill' AND error_type IS NULL AND source_uri IN (SELECT source_uri FROM sources)
  QUALIFY ROW_NUMBER() OVER (PARTITION BY source_uri ORDER BY generation DESC, finished DESC) = 1
),
older AS (
  SELECT
    COUNT(*) AS objects,
    IFNULL(MIN(CONCAT(source_uri, ' by run ', landed_before.run_id)), '') AS first_object
  FROM sources JOIN landed_before USING (source_uri)
  WHERE is_landing AND sources.generation < landed_before.generation
),
emptied AS (
  SELECT COUNT(*) AS objects, IFNULL(MIN(source_uri), '') AS first_object
  FROM sources JOIN landed_before USING (source_uri)
  WHERE is_read AND sources.good = 0 AND landed_before.good > 0
)
SELECT 'lines = rows + rejected + blank' AS check_name, 'fail' AS level, unbalanced = 0 AS passed, 0 AS expected,
  unbalanced AS actual, CONCAT('source objects whose counts do not add up', IF(unbalanced > 0, CONCAT(', first ', first_unbalanced), ''))
    AS message
FROM totals
UNION ALL
SELECT 'rows staged', 'fail', totals.good = staged, totals.good, staged, 'rows in staging against the staged ledger'
FROM totals CROSS JOIN staged_rows
UNION ALL
SELECT 'rejected lines staged', 'fail', totals.rejected = staged, totals.rejected, staged,
  'rejected lines in staging against the staged ledger'
FROM totals CROSS JOIN staged_rejected
UNION ALL
SELECT 'rows of each object', 'fail', differing = 0, 0, differing,
  CONCAT('source objects with more or fewer rows in staging than the staged ledger has',
    IF(differing > 0, CONCAT(', first ', first_object), ''))
FROM staged_objects
UNION ALL
SELECT 'objects in the ledger', 'fail', sources = @objects, @objects, sources,
  'source objects in the staged ledger against those that were planned'
FROM totals
UNION ALL
SELECT 'no older generation', 'fail', objects = 0, 0, objects,
  CONCAT('source objects of which a newer generation has landed', IF(objects > 0, CONCAT(', first ', first_object), ''),
    ': clear plan with all that follows it, or trigger a new run')
FROM older
UNION ALL
SELECT 'rows in the days', 'fail', totals.good = staged_days.good, totals.good, staged_days.good,
  'rows in the staged ledger of days against the staged ledger'
FROM totals CROSS JOIN staged_days
UNION ALL
SELECT 'complete rows', 'fail', incomplete = 0, 0, incomplete, 'rows without log_date, timestamp, source_offset or reading'
FROM staged_rows
UNION ALL
SELECT 'day of the line', 'fail', misdated = 0, 0, misdated, 'rows whose log_date is not the day of their timestamp'
FROM staged_rows
UNION ALL
SELECT 'one identity for each row', 'fail', staged = offsets, staged, offsets, 'distinct offsets in the source objects'
FROM identities
UNION ALL
SELECT 'share of rejected lines', 'fail', rejected <= lines * @max_rejected_percent / 100,
  CAST(FLOOR(lines * @max_rejected_percent / 100) AS INT64), rejected,
  CONCAT('rejected lines of the ', CAST(lines AS STRING), ' of ', part, IF(rejected > 0 AND part != worst_object, CONCAT(', most in ', worst_object), ''), ', at most ',
    CAST(@max_rejected_percent AS STRING), ' % may be: see why in the job log, or raise max_rejected_percent')
FROM worst_share
UNION ALL
SELECT 'something to land', IF(@allow_empty, 'warn', 'fail'), lines > 0 OR are_read = 0, 1, lines,
  CONCAT('lines in all source objects', IF(lines = 0 AND are_read > 0, CONCAT(', first ', first_read), ''),
    ': nothing is replaced with nothing unless allow_empty is set')
FROM totals
UNION ALL
SELECT 'no object emptied', IF(@allow_empty, 'warn', 'fail'), objects = 0, 0, objects,
  CONCAT('source objects that had rows and now have none', IF(objects > 0, CONCAT(', first ', first_object), ''),
    ': set allow_empty if that is right')
FROM emptied
