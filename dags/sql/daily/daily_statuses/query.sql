SELECT log_date, status, requests, bytes, host
FROM {{ staging }}.request_groups
WHERE kind = 4 AND {{ days }}
