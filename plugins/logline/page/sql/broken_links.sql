-- Links of the site's own pages that lead nowhere.
SELECT referer, host, path, SUM(requests) AS requests, MAX(last_seen) AS last_seen
FROM {{ dataset }}.daily_errors
WHERE {% include 'period.sql' %} AND {% include 'of_host.sql' %} AND is_own_page AND status IN (404, 410)
GROUP BY referer, host, path
ORDER BY requests DESC, referer, host, path
LIMIT 300
