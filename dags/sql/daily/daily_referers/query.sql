SELECT
  log_date,
  referer,
  NULLIF(
    LOWER(REGEXP_EXTRACT(referer, r'^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?(\[[^\]/?#]*\]|[^/?#:]*)')), ''
  ) AS referer_host,
  requests,
  unique_visitors,
  errors,
  bytes
FROM {{ staging }}.request_groups
WHERE kind = 3 AND {{ days }}
