-- The staged source objects that could not be read.
SELECT source_uri, error_type, IFNULL(error_message, error_type) AS error_message FROM {{ staging }}.ledger_{{ suffix }}
WHERE error_type IS NOT NULL
ORDER BY source_uri
