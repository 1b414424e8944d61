SELECT
  log_date,
  host,
  status,
  path,
  referer,
  is_own_page,
  is_rest,
  requests,
  addresses,
  first_request AS first_seen,
  last_request AS last_seen
FROM {{ staging }}.request_groups
WHERE kind = 14 AND {{ days }}
