-- One row for each check of a gate.
INSERT INTO {{ dataset }}.quality_checks
  (checked_at, dag_id, task_id, run_id, map_index, try_number, log_date, gate, check_name, level, passed, expected, actual,
   message)
SELECT
  CURRENT_TIMESTAMP(),
  JSON_VALUE(@task, '$.dag_id'),
  JSON_VALUE(@task, '$.task_id'),
  JSON_VALUE(@task, '$.run_id'),
  CAST(JSON_VALUE(@task, '$.map_index') AS INT64),
  CAST(JSON_VALUE(@task, '$.try_number') AS INT64),
  SAFE_CAST(IFNULL(JSON_VALUE(result, '$.day'), @day) AS DATE),
  @gate,
  JSON_VALUE(result, '$.check_name'),
  JSON_VALUE(result, '$.level'),
  CAST(JSON_VALUE(result, '$.passed') AS BOOL),
  CAST(JSON_VALUE(result, '$.expected') AS FLOAT64),
  CAST(JSON_VALUE(result, '$.actual') AS FLOAT64),
  JSON_VALUE(result, '$.message')
FROM UNNEST(JSON_QUERY_ARRAY(@results)) AS result
