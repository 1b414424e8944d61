-- The ledger of the staged source objects that were read, one row each, with every day any run ever landed rows of them in.
SELECT
  staged.source_uri,
  staged.log_format,
  staged.bytes,
  staged.lines,
  staged.`rows`,
  staged.rejected,
  staged.blank,
  ARRAY(
    SELECT DISTINCT CAST(days.log_date AS STRING) FROM {{ dataset }}.ledger_days AS days
    WHERE days.source_uri = staged.source_uri
  ) AS days
FROM {{ staging }}.ledger_{{ suffix }} AS staged
WHERE staged.error_type IS NULL
ORDER BY staged.source_uri
