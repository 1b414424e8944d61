SELECT log_date, agent_kind, agent_name, agent_operator, agent_verified, requests, addresses, paths, errors, bytes, host
FROM {{ staging }}.request_groups
WHERE kind = 10 AND {{ days }}
