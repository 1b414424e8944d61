-- The ledger of one run.
SELECT source_uri, log_format, error_message, lines, `rows` AS good, rejected, blank, bytes, job_id, parser_version, started, finished
FROM {{ dataset }}.ledger
WHERE run_id = @run_id
ORDER BY source_uri
LIMIT 400
