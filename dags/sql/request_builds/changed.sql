-- The days to build, and why: those of files that were read since, those that late_lines has reopened, those that a run
-- rebuilt and did not get to summarise; and `wanted` ones, unless this run has summarised them since it began.
WITH landed AS (
  {% include 'sql/request_builds/ledger_days.sql' %}
),
built AS (
  SELECT * FROM {{ dataset }}.request_builds
  WHERE decision IN ('rebuilt', 'added')
  QUALIFY ROW_NUMBER() OVER (PARTITION BY log_date ORDER BY decided_at DESC) = 1
),
decided AS (
  SELECT
    log_date,
    MAX(IF(decision = 'reopened', decided_at, NULL)) AS reopened_at,
    MAX(IF(decision = 'summarised', decided_at, NULL)) AS summarised_at,
    MAX(IF(decision = 'summarised' AND run_id = '{{ run_id }}', decided_at, NULL)) AS summarised_here
  FROM {{ dataset }}.request_builds
  GROUP BY log_date
),
known AS (
  SELECT log_date FROM landed
  UNION DISTINCT SELECT log_date FROM decided
{% for day in wanted %}
  UNION DISTINCT SELECT {{ day }}
{% endfor %}
),
states AS (
  SELECT
    log_date,
    IFNULL(landed.backfilled + landed.streamed, 0) AS landed,
    IFNULL(landed.is_replayed, FALSE) AS is_replayed,
    TIMESTAMP_SUB(LEAST(TIMESTAMP(log_date), IFNULL(landed.begun, TIMESTAMP(log_date))), INTERVAL 1 DAY) AS since,
    built.decided_at,
    built.decision,
    -- A build of an older release has noted only how many rows there were.
    built.messages IS NULL AS is_of_older_release,
    IF(built.messages IS NULL, IFNULL(built.backfilled, 0) != IFNULL(landed.backfilled, 0),
      IFNULL(built.files, '') != IFNULL(landed.files, '')) AS has_other_files,
    built.messages IS NOT NULL AND (summarised_at IS NULL OR summarised_at < built.decided_at) AS is_half_done,
    IFNULL(reopened_at > built.decided_at, reopened_at IS NOT NULL) AS is_reopened,
    summarised_here
  FROM known
  LEFT JOIN landed USING (log_date)
  LEFT JOIN built USING (log_date)
  LEFT JOIN decided USING (log_date)
)
SELECT
  CAST(log_date AS STRING) AS day,
  CASE
    WHEN has_other_files THEN 'files were read'
    WHEN is_half_done THEN 'not summarised yet'
    WHEN is_reopened THEN 'late lines'
    ELSE 'asked for'
  END AS reason,
  landed,
  is_replayed,
  FORMAT_TIMESTAMP('%Y-%m-%d %H:%M:%E6S+00', since) AS since,
  IF(has_other_files OR is_half_done OR NOT is_reopened OR is_of_older_release, NULL,
    FORMAT_TIMESTAMP('%Y-%m-%d %H:%M:%E6S+00', decided_at)) AS built_at
FROM states
{% if wanted %}
WHERE log_date IN ({{ wanted | join(', ') }}) AND IFNULL(summarised_here < {{ began }}, TRUE)
{% else %}
WHERE (has_other_files OR is_half_done OR is_reopened)
  {% if landing_expiry_days %}AND log_date > DATE_SUB(CURRENT_DATE(), INTERVAL {{ landing_expiry_days }} DAY){% endif %}
{% endif %}
ORDER BY day
