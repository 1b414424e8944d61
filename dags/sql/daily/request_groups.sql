-- The requests of `counted_days`, counted by several sets of columns: all that the daily tables and the findings are made from.
-- One statement, which so reads each column once; of seven parts, for only the first has to tell visitors apart, only the
-- second first and last requests, only the fourth the addresses and paths of agents, and only the fifth page views; the last
-- two are what is found in `days`.
-- kind: 0 day, of all hosts; of each host 1 hour, 2 path, 3 referer, 4 status, 5 user agent, 6 visitor and half an hour,
-- 7 hour and duration, 8 path and duration, 9 as 6, of visitors who were there in the first or the last half hour of the day,
-- 10 agent, 11 day, 12 path, its page views alone, 13 detection, 14 error.
{% macro nulls(number) %}{{ (['NULL'] * number) | join(', ') }}{% endmacro %}
CREATE OR REPLACE TABLE {{ staging }}.request_groups
PARTITION BY RANGE_BUCKET(kind, GENERATE_ARRAY(0, 15, 1)) AS
SELECT
  CASE
    WHEN GROUPING(user_agent) = 0 THEN 5
    WHEN GROUPING(referer) = 0 THEN 3
    WHEN GROUPING(path) = 0 THEN 2
    WHEN GROUPING(hour) = 0 THEN 1
    WHEN GROUPING(host) = 0 THEN 11
    ELSE 0
  END AS kind,
  log_date, host, hour, path, referer, CAST(NULL AS INT64) AS status, user_agent, browser, os, device, is_bot,
  CAST(NULL AS STRING) AS remote_addr,
  CAST(NULL AS INT64) AS half_hour,
  CAST(NULL AS FLOAT64) AS request_duration_ms,
  COUNT(*) AS requests,
  COUNTIF(of_bot) AS bots,
  COUNT(DISTINCT visitor) AS unique_visitors,
  COUNTIF(status BETWEEN 400 AND 499) AS client_errors,
  COUNTIF(status BETWEEN 500 AND 599) AS server_errors,
  COUNTIF(status >= 400) AS errors,
  IFNULL(SUM(body_bytes_sent), 0) AS bytes,
  MIN(timestamp) AS first_request,
  MAX(timestamp) AS last_request,
  CAST(NULL AS STRING) AS entry_path,
  CAST(NULL AS STRING) AS entry_referer,
  CAST(NULL AS STRING) AS exit_path,
  CAST(NULL AS INT64) AS pages,
  CAST(NULL AS STRING) AS entry_page,
  CAST(NULL AS STRING) AS page_query,
  CAST(NULL AS STRING) AS page_referer,
  CAST(NULL AS STRING) AS exit_page,
  COUNTIF(remote_addr IS NULL OR target IS NULL OR status IS NULL) AS lacking_values,
  COUNTIF(status NOT BETWEEN 100 AND 999 OR body_bytes_sent < 0 OR request_duration_ms < 0
    OR timestamp > TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 DAY)) AS out_of_range,
  COUNTIF(log_day != DATE(timestamp)) AS misdated,
  CAST(NULL AS STRING) AS agent_kind,
  CAST(NULL AS STRING) AS agent_name,
  CAST(NULL AS STRING) AS agent_operator,
  CAST(NULL AS BOOL) AS agent_verified,
  CAST(NULL AS INT64) AS addresses,
  CAST(NULL AS INT64) AS paths,
  COUNT(sequence) AS numbered,
  CAST(NULL AS STRING) AS detection,
  CAST(NULL AS INT64) AS answered,
  CAST(NULL AS STRING) AS example,
  CAST(NULL AS BOOL) AS is_own_page,
  CAST(NULL AS BOOL) AS is_rest
FROM (
  SELECT
    *,
    -- The same again, for what is counted: a column that is grouped by is NULL in the other sets.
    log_date AS log_day, path AS target, is_bot AS of_bot,
    TIMESTAMP_TRUNC(timestamp, HOUR) AS hour,
    {% include 'sql/requests/visitor.sql' %} AS visitor
  FROM {{ dataset }}.requests
  WHERE {{ counted_days }}
)
GROUP BY GROUPING SETS (
  (log_date),
  (log_date, host),
  (log_date, host, hour),
  (log_date, host, path),
  (log_date, host, referer),
  (log_date, host, user_agent, browser, os, device, is_bot)
)
UNION ALL
SELECT
  kind, log_date, host, {{ nulls(4) }}, agent, {{ nulls(3) }}, is_crawler, remote_addr, half_hour, NULL,
  COUNT(*), {{ nulls(4) }},
  COUNTIF(status >= 400),
  IFNULL(SUM(body_bytes_sent), 0),
  MIN(timestamp),
  MAX(timestamp),
  ANY_VALUE(STRUCT(path AS path, referer AS referer) HAVING MIN position).path,
  ANY_VALUE(STRUCT(path AS path, referer AS referer) HAVING MIN position).referer,
  ANY_VALUE(STRUCT(path AS path) HAVING MAX position).path,
  COUNTIF(is_page),
  ANY_VALUE(STRUCT(path AS path, query AS query, referer AS referer) HAVING MIN IF(is_page, position, NULL)).path,
  ANY_VALUE(STRUCT(path AS path, query AS query, referer AS referer) HAVING MIN IF(is_page, position, NULL)).query,
  ANY_VALUE(STRUCT(path AS path, query AS query, referer AS referer) HAVING MIN IF(is_page, position, NULL)).referer,
  ANY_VALUE(STRUCT(path AS path) HAVING MAX IF(is_page, position, NULL)).path,
  {{ nulls(15) }}
FROM (
  SELECT
    log_date, host, remote_addr, half_hour, timestamp, path, query, referer, status, body_bytes_sent,
    IFNULL({% include 'sql/resource_kinds/is_page_view.sql' %}, FALSE) AS is_page,
    IF(at_midnight.visitor IS NULL, 6, 9) AS kind,
    NULLIF(user_agent, '') AS agent,
    IFNULL(is_bot, FALSE) AS is_crawler,
    -- In the order of time; from year 1 on no number is negative. At one instant in the order of the file, else of what they
    -- say: those that say the same are the same.
    CONCAT(
      LPAD(CAST(UNIX_MICROS(timestamp) + 62135596800000000 AS STRING), 18, '0'),
      IFNULL(LPAD(CAST(source_offset AS STRING), 15, '0'), ''),
      IFNULL(CONCAT('=', path), ''), ' ', IFNULL(CONCAT('=', referer), ''), ' ', IFNULL(CONCAT('=', query), '')
    ) AS position
  FROM (
    SELECT
      *,
      2 * EXTRACT(HOUR FROM timestamp) + DIV(EXTRACT(MINUTE FROM timestamp), 30) AS half_hour,
      {% include 'sql/requests/visitor.sql' %} AS visitor
    FROM {{ dataset }}.requests
    WHERE {{ counted_days }}
  ) LEFT JOIN (
    SELECT log_date, {% include 'sql/requests/visitor.sql' %} AS visitor
    FROM {{ dataset }}.requests
    WHERE {{ counted_days }}
      AND 2 * EXTRACT(HOUR FROM timestamp) + DIV(EXTRACT(MINUTE FROM timestamp), 30) IN (0, 47)
    GROUP BY log_date, visitor
  ) AS at_midnight USING (log_date, visitor)
)
GROUP BY kind, log_date, host, remote_addr, agent, is_crawler, half_hour
UNION ALL
SELECT
  CASE WHEN GROUPING(status) = 0 THEN 4 WHEN GROUPING(hour) = 0 THEN 7 ELSE 8 END,
  log_date, host, hour, path, NULL, status, {{ nulls(7) }}, request_duration_ms,
  COUNT(*), {{ nulls(5) }},
  IFNULL(SUM(body_bytes_sent), 0),
  {{ nulls(25) }}
FROM (
  SELECT *, TIMESTAMP_TRUNC(timestamp, HOUR) AS hour
  FROM {{ dataset }}.requests
  WHERE {{ counted_days }}
)
GROUP BY GROUPING SETS (
  (log_date, host, status),
  (log_date, host, hour, request_duration_ms),
  (log_date, host, path, request_duration_ms)
)
UNION ALL
SELECT
  10, log_date, host, {{ nulls(12) }},
  COUNT(*), {{ nulls(4) }},
  COUNTIF(status >= 400),
  IFNULL(SUM(body_bytes_sent), 0),
  {{ nulls(13) }},
  agent_kind, agent_name, agent_operator, agent_verified,
  COUNT(DISTINCT IF(is_bot, remote_addr, NULL)),
  COUNT(DISTINCT IF(is_bot, path, NULL)),
  {{ nulls(6) }}
FROM {{ dataset }}.requests
WHERE {{ counted_days }}
GROUP BY log_date, host, agent_kind, agent_name, agent_operator, agent_verified
UNION ALL
SELECT
  12, log_date, host, NULL, path, {{ nulls(10) }},
  COUNT(*), NULL,
  COUNT(DISTINCT {% include 'sql/requests/visitor.sql' %}),
  {{ nulls(29) }}
FROM {{ dataset }}.requests
WHERE {{ counted_days }} AND NOT IFNULL(is_bot, FALSE) AND {% include 'sql/resource_kinds/is_page_view.sql' %}

GROUP BY log_date, host, path
UNION ALL
SELECT
  13, log_date, host, {{ nulls(12) }},
  requests, {{ nulls(6) }}, first_seen, last_seen, {{ nulls(15) }}, addresses, {{ nulls(2) }},
  detection, answered, example, {{ nulls(2) }}
FROM (
  {% include 'sql/findings/daily_detections/groups.sql' %}
)
UNION ALL
SELECT
  14, log_date, host, NULL, path, referer, status, {{ nulls(8) }},
  requests, {{ nulls(6) }}, first_seen, last_seen, {{ nulls(15) }}, addresses, {{ nulls(5) }},
  is_own_page, is_rest
FROM (
  {% include 'sql/findings/daily_errors/groups.sql' %}
);
