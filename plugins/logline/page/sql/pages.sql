-- Pages of each host, the most viewed first.
SELECT
  host, path, SUM(views) AS views, SUM(visitors) AS visitors, SUM(entries) AS entries, SUM(exits) AS exits, SUM(bounces) AS bounces
FROM {{ dataset }}.daily_pages
WHERE {% include 'period.sql' %} AND {% include 'of_host.sql' %}
GROUP BY host, path
ORDER BY views DESC, host, path
LIMIT 300
