(
  SELECT * FROM {{ dataset }}.ledger
  WHERE source = 'backfill' AND error_type IS NULL
    AND source_uri IN (
      SELECT source_uri FROM {{ staging }}.erasure_{{ suffix }} WHERE table_name IN ('backfilled_requests', 'rejected_backfilled')
    )
    AND run_id != '{{ run_id }}'
  QUALIFY ROW_NUMBER() OVER (PARTITION BY source_uri ORDER BY generation DESC, finished DESC, run_id DESC) = 1
)
