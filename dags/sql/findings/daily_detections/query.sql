SELECT
  log_date,
  host,
  detection,
  CASE detection{% for one in detections %} WHEN '{{ one.id }}' THEN '{{ one.severity }}'{% endfor %} END AS severity,
  CASE detection{% for one in detections %} WHEN '{{ one.id }}' THEN '{{ one.tags | join(', ') }}'{% endfor %} END AS tags,
  requests,
  addresses,
  answered,
  first_request AS first_seen,
  last_request AS last_seen,
  example
FROM {{ staging }}.request_groups
WHERE kind = 13 AND {{ days }}
