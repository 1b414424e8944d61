-- The sessions that start on `day`; where `visitors` is given, theirs alone.
--
-- Requests of a visitor less than 30 minutes apart are one chain. A chain that comes over midnight belongs to the day
-- before until noon, where it is cut. So the day and the 30 minutes before it tell what starts on it, and the morning
-- after, of those visitors who were there in its last 30 minutes, how that ends.
{% set midnight = 'TIMESTAMP(' ~ day ~ ')' %}
{% set noon = 'TIMESTAMP_ADD(' ~ midnight ~ ', INTERVAL 12 HOUR)' %}
{% set next_midnight = 'TIMESTAMP_ADD(' ~ midnight ~ ', INTERVAL 24 HOUR)' %}
{% set next_noon = 'TIMESTAMP_ADD(' ~ midnight ~ ', INTERVAL 36 HOUR)' %}
WITH hits AS (
  SELECT
    {% include 'sql/requests/visitor.sql' %} AS visitor,
    remote_addr,
    NULLIF(user_agent, '') AS user_agent,
    timestamp,
    event_id,
    path,
    referer,
    status,
    body_bytes_sent
  FROM {{ dataset }}.requests
  WHERE log_date BETWEEN DATE_SUB({{ day }}, INTERVAL 1 DAY) AND DATE_ADD({{ day }}, INTERVAL 1 DAY)
    AND timestamp >= TIMESTAMP_SUB({{ midnight }}, INTERVAL 30 MINUTE)
    AND timestamp < {{ next_noon }}
    AND NOT IFNULL(is_bot, FALSE)
    AND (
      timestamp < {{ next_midnight }}
      OR {% include 'sql/requests/visitor.sql' %} IN (
        SELECT {% include 'sql/requests/visitor.sql' %} FROM {{ dataset }}.requests
        WHERE log_date = {{ day }} AND timestamp >= TIMESTAMP_SUB({{ next_midnight }}, INTERVAL 30 MINUTE)
      )
    )
    {% if visitors %}
    AND {% include 'sql/requests/visitor.sql' %} IN ({{ visitors }})
    {% endif %}
),
neighbours AS (
  SELECT
    *,
    LAG(timestamp) OVER (PARTITION BY visitor ORDER BY timestamp, event_id) AS previous_request,
    LEAD(timestamp) OVER (PARTITION BY visitor ORDER BY timestamp, event_id) AS next_request
  FROM hits
),
marked AS (
  SELECT
    *,
    IFNULL(timestamp >= TIMESTAMP_ADD(previous_request, INTERVAL 30 MINUTE), TRUE) AS begins,
    IFNULL(next_request >= TIMESTAMP_ADD(timestamp, INTERVAL 30 MINUTE), TRUE) AS ends
  FROM neighbours
),
chains AS (
  SELECT
    *,
    MAX(IF(begins, timestamp, NULL)) OVER (
      PARTITION BY visitor ORDER BY timestamp, event_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS chain_began
  FROM marked
),
sessions AS (
  SELECT
    *,
    IF(chain_began < {{ midnight }} AND timestamp >= {{ noon }}, {{ noon }}, chain_began) AS began
  FROM chains
)
SELECT
  {{ day }} AS log_date,
  MIN(remote_addr) AS remote_addr,
  MIN(user_agent) AS user_agent,
  MIN(timestamp) AS first_request,
  MAX(timestamp) AS last_request,
  DIV(TIMESTAMP_DIFF(MAX(timestamp), MIN(timestamp), MICROSECOND), 1000000) AS duration_seconds,
  COUNT(*) AS requests,
  COUNTIF(timestamp >= {{ next_midnight }}) AS next_day_requests,
  COUNTIF(status >= 400) AS errors,
  IFNULL(SUM(body_bytes_sent), 0) AS bytes,
  MAX(IF(begins OR (began = {{ noon }} AND previous_request < {{ noon }}), path, NULL)) AS entry_path,
  MAX(IF(ends, path, NULL)) AS exit_path,
  MAX(IF(begins OR (began = {{ noon }} AND previous_request < {{ noon }}), referer, NULL)) AS entry_referer
FROM sessions
WHERE began >= {{ midnight }} AND began < {{ next_midnight }}
GROUP BY visitor, began
