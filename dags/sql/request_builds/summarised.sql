-- The daily tables are made from `days` as they were built last, and have passed.
INSERT INTO {{ dataset }}.request_builds (log_date, run_id, decision, backfilled, streamed, late, requests, decided_at)
SELECT log_date, '{{ run_id }}', 'summarised', backfilled, streamed, 0, requests, CURRENT_TIMESTAMP()
FROM {{ dataset }}.request_builds
WHERE {{ days }} AND decision IN ('rebuilt', 'added')
QUALIFY ROW_NUMBER() OVER (PARTITION BY log_date ORDER BY decided_at DESC) = 1
