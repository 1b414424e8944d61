{% if unknown_days %}
-- Days beside that an older release has built: it did not tell hosts apart.
DELETE FROM {{ dataset }}.daily_sessions WHERE {{ unknown_days }};
INSERT INTO {{ dataset }}.daily_sessions
{% with days = unknown_days %}{% include 'sql/daily/daily_sessions/query.sql' %}{% endwith %};
{% endif %}
{% set kinds = '9' %}
-- The sessions of `days` that may go over a midnight, and those of the days beside them, `around_days`, which these change.
DELETE FROM {{ dataset }}.session_parts WHERE {{ counted_days }};
INSERT INTO {{ dataset }}.session_parts
SELECT * FROM (
  {% include 'sql/session_parts/parts.sql' %}
)
WHERE is_early OR is_late;
-- Each session of the days beside begins with a part of its day.
DELETE FROM {{ dataset }}.daily_sessions
WHERE {{ around_days }}
  AND CONCAT(CAST(UNIX_MICROS(first_request) AS STRING), ' ', {% include 'sql/session_parts/visitor.sql' %}) IN (
    SELECT CONCAT(CAST(UNIX_MICROS(first_request) AS STRING), ' ', {% include 'sql/session_parts/visitor.sql' %})
    FROM {{ dataset }}.session_parts WHERE {{ around_days }}
  );
{% set sessions %}
WITH parts AS (
  SELECT *, {% include 'sql/session_parts/visitor.sql' %} AS visitor
  FROM {{ dataset }}.session_parts WHERE {{ near_days }}
),
evenings AS (
  SELECT DATE_ADD(log_date, INTERVAL 1 DAY) AS log_date, visitor, MAX(last_request) AS last_evening
  FROM parts WHERE is_late GROUP BY log_date, visitor
),
placed AS (
  SELECT
    parts.*,
    is_early AND NOT is_afternoon
      AND IFNULL(first_request < TIMESTAMP_ADD(last_evening, INTERVAL 30 MINUTE), FALSE) AS goes_on
  FROM parts LEFT JOIN evenings USING (log_date, visitor)
)
SELECT
  session_date AS log_date,
  MIN(remote_addr) AS remote_addr,
  MIN(user_agent) AS user_agent,
  MIN(first_request) AS first_request,
  MAX(last_request) AS last_request,
  DIV(TIMESTAMP_DIFF(MAX(last_request), MIN(first_request), MICROSECOND), 1000000) AS duration_seconds,
  SUM(requests) AS requests,
  SUM(IF(goes_on, requests, 0)) AS next_day_requests,
  SUM(errors) AS errors,
  SUM(bytes) AS bytes,
  ANY_VALUE(STRUCT(entry_path AS entry_path) HAVING MIN first_request).entry_path AS entry_path,
  ANY_VALUE(STRUCT(exit_path AS exit_path) HAVING MAX last_request).exit_path AS exit_path,
  ANY_VALUE(STRUCT(entry_referer AS entry_referer) HAVING MIN first_request).entry_referer AS entry_referer,
  MIN(host) AS host,
  SUM(pages) AS pages,
  ANY_VALUE(STRUCT(entry_page AS entry_page) HAVING MIN IF(pages > 0, first_request, NULL)).entry_page AS entry_page,
  ANY_VALUE(STRUCT(exit_page AS exit_page) HAVING MAX IF(pages > 0, last_request, NULL)).exit_page AS exit_page,
  ANY_VALUE(STRUCT(page_referer AS page_referer) HAVING MIN IF(pages > 0, first_request, NULL)).page_referer AS page_referer,
  ANY_VALUE(STRUCT(utm_source AS utm_source) HAVING MIN IF(pages > 0, first_request, NULL)).utm_source AS utm_source,
  ANY_VALUE(STRUCT(utm_medium AS utm_medium) HAVING MIN IF(pages > 0, first_request, NULL)).utm_medium AS utm_medium,
  ANY_VALUE(STRUCT(utm_campaign AS utm_campaign) HAVING MIN IF(pages > 0, first_request, NULL)).utm_campaign AS utm_campaign
FROM (
  -- A morning that goes on from an evening belongs to that one's session; a visitor has one evening of a day.
  SELECT *, IF(goes_on, DATE_SUB(log_date, INTERVAL 1 DAY), log_date) AS session_date, goes_on OR is_late AS is_last
  FROM placed
)
WHERE session_date IN ({{ affected_days | join(', ') }})
GROUP BY session_date, visitor, is_last
{% endset %}
INSERT INTO {{ dataset }}.daily_sessions
{% include 'sql/daily/daily_sessions/channels.sql' %};
