SELECT log_date, user_agent, browser, os, device, is_bot, requests, unique_visitors, errors, bytes, host
FROM {{ staging }}.request_groups
WHERE kind = 5 AND {{ days }}
