-- The errors of `days`. Whoever asks for ever new paths, or names ever new hosts, gets rows of their own only up to these bounds, by host and by
-- day. Errors of the server are bounded apart: no number of others pushes them out.
{% set most_of_host, most_of_day = most_errors | default((1000, 10000)) %}
{% set order = 'is_own_page DESC, alike DESC, status, path, referer' %}
SELECT
  log_date,
  host,
  status,
  path,
  referer,
  is_own_page,
  is_rest,
  COUNT(*) AS requests,
  COUNT(DISTINCT remote_addr) AS addresses,
  MIN(timestamp) AS first_seen,
  MAX(timestamp) AS last_seen
FROM (
  SELECT
    log_date, status, remote_addr, timestamp, is_rest,
    IF(is_rest, NULL, host) AS host,
    IF(is_rest, NULL, path) AS path,
    IF(is_rest, NULL, referer) AS referer,
    is_own_page AND NOT is_rest AS is_own_page
  FROM (
    SELECT
      *,
      place_of_host > {{ most_of_host }} OR DENSE_RANK() OVER (
        PARTITION BY log_date, is_client_error ORDER BY place_of_host > {{ most_of_host }}, {{ order }}, host
      ) > {{ most_of_day }} AS is_rest
    FROM (
      SELECT *, DENSE_RANK() OVER (PARTITION BY log_date, host, is_client_error ORDER BY {{ order }}) AS place_of_host
      FROM (
        SELECT *, COUNT(*) OVER (PARTITION BY log_date, host, status, path, referer, is_own_page) AS alike
        FROM (
          SELECT
            log_date, host, status, remote_addr, timestamp,
            status < 500 AS is_client_error,
            SUBSTR(path, 1, 500) AS path,
            SUBSTR(referer, 1, 500) AS referer,
            IFNULL(
              {% include 'sql/referer_sources/domain.sql' %} IN (
                REGEXP_REPLACE(LOWER(host), r'^www\.|:[0-9]+$', ''){% for own in own_hosts %}, '{{ own }}'{% endfor %}
              ),
              FALSE
            ) AS is_own_page
          FROM {{ dataset }}.requests
          WHERE {{ days }} AND status >= 400
        )
      )
    )
  )
)
GROUP BY log_date, host, status, path, referer, is_own_page, is_rest
