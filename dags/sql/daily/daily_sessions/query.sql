-- The sessions that begin and end within the day; those over midnight follow in over_midnight.sql.
{% set kinds = '6, 9' %}
{% set sessions %}
SELECT
  log_date,
  remote_addr,
  user_agent,
  first_request,
  last_request,
  DIV(TIMESTAMP_DIFF(last_request, first_request, MICROSECOND), 1000000) AS duration_seconds,
  requests,
  0 AS next_day_requests,
  errors,
  bytes,
  entry_path,
  exit_path,
  entry_referer,
  host,
  pages,
  entry_page,
  exit_page,
  page_referer,
  utm_source,
  utm_medium,
  utm_campaign
FROM (
  {% include 'sql/session_parts/parts.sql' %}
)
WHERE NOT is_early AND NOT is_late AND {{ days }}
{% endset %}
{% include 'sql/daily/daily_sessions/channels.sql' %}
