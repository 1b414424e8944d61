SELECT
  log_date,
  referer,
  NULLIF(
    LOWER(REGEXP_EXTRACT(referer, r'^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?(\[[^\]/?#]*\]|[^/?#:]*)')), ''
  ) AS referer_host,
  COUNT(*) AS requests,
  COUNT(DISTINCT {% include 'sql/requests/visitor.sql' %}) AS unique_visitors,
  COUNTIF(status >= 400) AS errors,
  IFNULL(SUM(body_bytes_sent), 0) AS bytes
FROM {{ dataset }}.requests
WHERE log_date = {{ log_date }}
GROUP BY log_date, referer
