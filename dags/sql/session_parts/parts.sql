-- Parts of sessions, from the groups of `kinds`. Requests of a visitor to a host less than 30 minutes apart are one chain; so
-- there is no pause within half an hour, and a chain is told from its first and last request of each. One that begins in the
-- first half hour may go on from the day before, which then keeps it until noon: its afternoon is a part of its own.
SELECT
  log_date,
  remote_addr,
  user_agent,
  is_early,
  is_late,
  is_afternoon,
  first_request,
  last_request,
  requests,
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
  {% for parameter in ['source', 'medium', 'campaign'] %}
  {% include 'sql/page_views/utm.sql' %} AS utm_{{ parameter }}{{ '' if loop.last else ',' }}
  {% endfor %}
FROM (
  SELECT
    log_date,
    remote_addr,
    user_agent,
    is_early,
    is_late,
    is_early AND half_hour >= 24 AS is_afternoon,
    MIN(first_request) AS first_request,
    MAX(last_request) AS last_request,
    SUM(requests) AS requests,
    SUM(errors) AS errors,
    SUM(bytes) AS bytes,
    ANY_VALUE(STRUCT(entry_path AS entry_path) HAVING MIN half_hour).entry_path AS entry_path,
    ANY_VALUE(STRUCT(exit_path AS exit_path) HAVING MAX half_hour).exit_path AS exit_path,
    ANY_VALUE(STRUCT(entry_referer AS entry_referer) HAVING MIN half_hour).entry_referer AS entry_referer,
    host,
    SUM(pages) AS pages,
    ANY_VALUE(STRUCT(entry_page AS entry_page) HAVING MIN IF(pages > 0, half_hour, NULL)).entry_page AS entry_page,
    ANY_VALUE(STRUCT(exit_page AS exit_page) HAVING MAX IF(pages > 0, half_hour, NULL)).exit_page AS exit_page,
    ANY_VALUE(STRUCT(page_referer AS page_referer) HAVING MIN IF(pages > 0, half_hour, NULL)).page_referer AS page_referer,
    ANY_VALUE(STRUCT(page_query AS page_query) HAVING MIN IF(pages > 0, half_hour, NULL)).page_query AS query
  FROM (
    SELECT *,
      MIN(half_hour) OVER (PARTITION BY log_date, host, remote_addr, user_agent, chain) = 0 AS is_early,
      MAX(half_hour) OVER (PARTITION BY log_date, host, remote_addr, user_agent, chain) = 47 AS is_late
    FROM (
      SELECT *, SUM(IF(begins, 1, 0)) OVER (PARTITION BY log_date, host, remote_addr, user_agent ORDER BY half_hour) AS chain
      FROM (
        SELECT *,
          IFNULL(first_request >= TIMESTAMP_ADD(
            LAG(last_request) OVER (PARTITION BY log_date, host, remote_addr, user_agent ORDER BY half_hour), INTERVAL 30 MINUTE
          ), TRUE) AS begins
        FROM {{ staging }}.request_groups
        WHERE kind IN ({{ kinds }}) AND NOT is_bot AND {{ counted_days }}
      )
    )
  )
  GROUP BY log_date, host, remote_addr, user_agent, chain, is_early, is_late, is_afternoon
)
