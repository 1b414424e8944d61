-- Where the requests of a day came from.
SELECT IFNULL(referer_host, referer) AS name, SUM(requests) AS requests, SUM(errors) AS errors, SUM(bytes) AS bytes
FROM {{ dataset }}.daily_referers
WHERE log_date = @day
GROUP BY name
ORDER BY requests DESC, name
LIMIT 10
