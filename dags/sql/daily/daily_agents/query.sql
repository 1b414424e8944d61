SELECT log_date, agent_kind, agent_name, agent_operator, agent_verified, requests, addresses, paths, errors, bytes
FROM {{ staging }}.request_groups
WHERE kind = 10 AND {{ days }}
