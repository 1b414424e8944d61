-- The requests of `counted_days`, counted by several sets of columns in one pass: all that the daily tables are made from.
-- kind: 0 day, 1 hour, 2 path, 3 referer, 4 status, 5 user agent, 6 visitor and half an hour, 7 hour and duration,
-- 8 path and duration.
CREATE OR REPLACE TABLE {{ staging }}.request_groups
PARTITION BY RANGE_BUCKET(kind, GENERATE_ARRAY(0, 9, 1)) AS
SELECT
  CASE
    WHEN GROUPING(request_duration_ms) = 0 THEN IF(GROUPING(path) = 0, 8, 7)
    WHEN GROUPING(half_hour) = 0 THEN 6
    WHEN GROUPING(user_agent) = 0 THEN 5
    WHEN GROUPING(status) = 0 THEN 4
    WHEN GROUPING(referer) = 0 THEN 3
    WHEN GROUPING(path) = 0 THEN 2
    WHEN GROUPING(hour) = 0 THEN 1
    ELSE 0
  END AS kind,
  log_date, hour, path, referer, status, user_agent, browser, os, device, is_bot, remote_addr, agent, is_crawler, half_hour,
  request_duration_ms,
  COUNT(*) AS requests,
  COUNTIF(of_bot) AS bots,
  COUNT(DISTINCT visitor) AS unique_visitors,
  COUNTIF(answer BETWEEN 400 AND 499) AS client_errors,
  COUNTIF(answer BETWEEN 500 AND 599) AS server_errors,
  COUNTIF(answer >= 400) AS errors,
  IFNULL(SUM(body_bytes_sent), 0) AS bytes,
  MIN(timestamp) AS first_request,
  MAX(timestamp) AS last_request,
  ANY_VALUE(STRUCT(target AS path, came_from AS referer) HAVING MIN position) AS first_hit,
  ANY_VALUE(STRUCT(target AS path) HAVING MAX position) AS last_hit,
  COUNTIF(lacks_values) AS lacking_values,
  COUNTIF(is_out_of_range) AS out_of_range,
  COUNTIF(log_day != DATE(timestamp)) AS misdated
FROM (
  SELECT
    log_date, path, referer, status, user_agent, browser, os, device, is_bot, remote_addr, request_duration_ms,
    TIMESTAMP_TRUNC(timestamp, HOUR) AS hour,
    2 * EXTRACT(HOUR FROM timestamp) + DIV(EXTRACT(MINUTE FROM timestamp), 30) AS half_hour,
    NULLIF(user_agent, '') AS agent,
    IFNULL(is_bot, FALSE) AS is_crawler,
    -- The same again, for what is counted: a column that is grouped by is NULL in the other sets.
    log_date AS log_day, path AS target, referer AS came_from, status AS answer, is_bot AS of_bot,
    {% include 'sql/requests/visitor.sql' %} AS visitor,
    remote_addr IS NULL OR path IS NULL OR status IS NULL AS lacks_values,
    status NOT BETWEEN 100 AND 999 OR body_bytes_sent < 0 OR request_duration_ms < 0
      OR timestamp > TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 DAY) AS is_out_of_range,
    timestamp,
    body_bytes_sent,
    -- In the order of time, and at one instant of event_id; from year 1 on no number is negative.
    CONCAT(LPAD(CAST(UNIX_MICROS(timestamp) + 62135596800000000 AS STRING), 18, '0'), event_id) AS position
  FROM {{ dataset }}.requests
  WHERE {{ counted_days }}
)
GROUP BY GROUPING SETS (
  (log_date),
  (log_date, hour),
  (log_date, path),
  (log_date, referer),
  (log_date, status),
  (log_date, user_agent, browser, os, device, is_bot),
  (log_date, remote_addr, agent, is_crawler, half_hour),
  (log_date, hour, request_duration_ms),
  (log_date, path, request_duration_ms)
);
