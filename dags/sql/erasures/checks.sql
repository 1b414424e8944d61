-- The proof, without what was selected: no table holds anything of the person, and every touched day balances.
WITH held AS (
{% for table in ['backfilled_requests', 'streamed_requests', 'requests'] %}
  SELECT '{{ table }}' AS table_name, COUNT(*) AS remaining FROM {{ dataset }}.{{ table }}
  WHERE log_date BETWEEN CAST(@start_date AS DATE) AND CAST(@end_date AS DATE) AND {% include 'sql/erasures/is_person.sql' %}
  UNION ALL
{% endfor %}
{% for table in ['rejected_backfilled', 'rejected_streamed'] %}
  SELECT '{{ table }}', COUNT(*) FROM {{ dataset }}.{{ table }}
  WHERE DATE(ingested_at) BETWEEN CAST(@start_date AS DATE) AND CAST(@end_date AS DATE)
    AND REGEXP_CONTAINS({% include 'sql/erasures/raw_text.sql' %}, @line_pattern)
  UNION ALL
{% endfor %}
{% for table in ['daily_visitors', 'daily_sessions', 'session_parts'] %}
  SELECT '{{ table }}', COUNT(*) FROM {{ dataset }}.{{ table }}
  WHERE log_date BETWEEN CAST(@start_date AS DATE) AND CAST(@end_date AS DATE)
    AND remote_addr IN (SELECT JSON_VALUE(item) FROM UNNEST(JSON_QUERY_ARRAY(@addresses)) AS item)
  {{ '' if loop.last else 'UNION ALL' }}
{% endfor %}
),
touched AS (
  SELECT COUNT(*) AS unbalanced FROM {{ dataset }}.reconciliation
  WHERE status = 'unbalanced' AND log_date IN (
    SELECT log_date FROM {{ staging }}.erasure_{{ suffix }} WHERE table_name IN ('backfilled_requests', 'streamed_requests')
  )
)
SELECT CONCAT('nothing left in ', table_name) AS check_name, 'fail' AS level, remaining = 0 AS passed, 0 AS expected, remaining AS actual,
  'rows of the person' AS message
FROM held
UNION ALL
SELECT 'the days balance', 'fail', unbalanced = 0, 0, unbalanced, 'days that are unbalanced: see the view reconciliation'
FROM touched
