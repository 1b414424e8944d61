-- What is staged against the manifest of the job that staged it. Run before anything is landed.
WITH totals AS (
  SELECT
    CAST(JSON_VALUE(@manifest, '$.totals.lines') AS INT64) AS lines,
    CAST(JSON_VALUE(@manifest, '$.totals.rows') AS INT64) AS good,
    CAST(JSON_VALUE(@manifest, '$.totals.rejected') AS INT64) AS rejected,
    CAST(JSON_VALUE(@manifest, '$.totals.blank') AS INT64) AS blank
),
staged_lines AS (
  SELECT COUNT(*) AS staged FROM {{ staging }}.replay_lines_{{ suffix }}
),
staged_rows AS (
  SELECT
    COUNT(*) AS staged,
    COUNTIF(replayed.log_date IS NULL OR replayed.timestamp IS NULL) AS incomplete,
    COUNTIF(replayed.log_date != DATE(replayed.timestamp)) AS misdated,
    COUNTIF(lines.event_id IS NULL) AS strange
  FROM {{ staging }}.replayed_{{ suffix }} AS replayed
  LEFT JOIN {{ staging }}.replay_lines_{{ suffix }} AS lines USING (source, event_id)
)
SELECT 'lines = rows + rejected + blank' AS check_name, 'fail' AS level, lines = good + rejected + blank AS passed,
  lines AS expected, good + rejected + blank AS actual, 'lines that were read again' AS message
FROM totals
UNION ALL
SELECT 'lines read again', 'fail', staged = lines, staged, lines, 'lines in the manifest against those selected'
FROM staged_lines CROSS JOIN totals
UNION ALL
SELECT 'rows staged', 'fail', good = staged, good, staged, 'rows in staging against the manifest'
FROM totals CROSS JOIN staged_rows
UNION ALL
SELECT 'a line for each row', 'fail', strange = 0, 0, strange, 'rows that no selected line could have become'
FROM staged_rows
UNION ALL
SELECT 'complete rows', 'fail', incomplete = 0, 0, incomplete, 'rows without log_date or timestamp'
FROM staged_rows
UNION ALL
SELECT 'day of the line', 'fail', misdated = 0, 0, misdated, 'rows whose log_date is not the day of their timestamp'
FROM staged_rows
UNION ALL
SELECT 'lines that are rows now', 'warn', rejected + blank = 0, lines, good,
  CONCAT('lines are rows now; the others stay rejected: ', JSON_QUERY(@manifest, '$.rejected_by_reason'))
FROM totals
