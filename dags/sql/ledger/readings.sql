-- What counts of the ledger: of a source object its newest reading, of the stream and the replays everything.
SELECT source, source_uri, run_id, log_format, lines, rejected, blank, started, finished, reading
FROM {{ dataset }}.ledger
WHERE error_type IS NULL
QUALIFY source != 'backfill'
  OR ROW_NUMBER() OVER (PARTITION BY source, source_uri ORDER BY generation DESC, finished DESC, run_id DESC) = 1
