-- Links of the site's own pages that lead nowhere.
SELECT referer, path, SUM(requests) AS requests, MAX(last_seen) AS last_seen
FROM {{ dataset }}.daily_errors
WHERE {% include 'period.sql' %} AND {% include 'of_host.sql' %} AND is_own_page AND status IN (404, 410)
GROUP BY referer, path
ORDER BY requests DESC, referer, path
LIMIT 300
