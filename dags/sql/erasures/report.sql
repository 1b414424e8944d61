-- What this run has erased, by table, with the days that are to be built again and the objects that still hold the lines.
SELECT
  table_name,
  `rows`,
  source_objects,
  ARRAY(
    SELECT DISTINCT CAST(log_date AS STRING) AS day FROM {{ staging }}.erasure_{{ suffix }} AS erased
    WHERE erased.table_name = erasures.table_name AND log_date IS NOT NULL
    ORDER BY day
  ) AS days
FROM {{ dataset }}.erasures AS erasures
WHERE run_id = @run_id
ORDER BY table_name
