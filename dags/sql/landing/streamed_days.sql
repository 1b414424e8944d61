-- Those of `days` that the stream has landed rows of.
SELECT CAST(log_date AS STRING) AS day FROM {{ dataset }}.streamed_requests WHERE {{ days }} GROUP BY log_date ORDER BY day
