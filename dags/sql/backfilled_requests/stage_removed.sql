-- Stages objects that are no longer in the bucket as objects that have been read and are empty, without bytes of their own.
CREATE OR REPLACE TABLE {{ staging }}.ledger_{{ suffix }} AS
SELECT
  @run_id AS run_id,
  'backfill' AS source,
  JSON_VALUE(object, '$.uri') AS source_uri,
  CAST(JSON_VALUE(object, '$.generation') AS INT64) AS generation,
  CAST(NULL AS STRING) AS log_format,
  0 AS lines,
  0 AS `rows`,
  0 AS rejected,
  0 AS blank,
  CAST(NULL AS INT64) AS bytes,
  CAST(NULL AS STRING) AS job_id,
  CAST(NULL AS STRING) AS parser_version,
  CURRENT_TIMESTAMP() AS started,
  CURRENT_TIMESTAMP() AS finished,
  CAST(NULL AS STRING) AS frames,
  CAST(NULL AS STRING) AS formats,
  CAST(NULL AS STRING) AS error_type,
  CAST(NULL AS STRING) AS error_message,
  CAST(NULL AS INT64) AS reading
FROM UNNEST(JSON_QUERY_ARRAY(@objects)) AS object;
