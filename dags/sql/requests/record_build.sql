INSERT INTO {{ dataset }}.request_builds (log_date, run_id, decision, backfilled, streamed, late, requests, decided_at)
SELECT
  {{ log_date }}, '{{ run_id }}', 'rebuilt', backfilled, streamed, backfilled + streamed - IFNULL(before, 0), requests,
  CURRENT_TIMESTAMP()
FROM (
  SELECT
    (SELECT COUNT(*) FROM {{ dataset }}.backfilled_requests WHERE log_date = {{ log_date }}) AS backfilled,
    (SELECT COUNT(*) FROM {{ dataset }}.streamed_requests WHERE log_date = {{ log_date }}) AS streamed,
    (SELECT COUNT(*) FROM {{ dataset }}.requests WHERE log_date = {{ log_date }}) AS requests,
    (SELECT MAX_BY(backfilled + streamed, decided_at) FROM {{ dataset }}.request_builds
      WHERE log_date = {{ log_date }} AND decision = 'rebuilt') AS before
);
