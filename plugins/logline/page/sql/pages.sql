-- Pages, the most viewed first.
SELECT
  path, SUM(views) AS views, SUM(visitors) AS visitors, SUM(entries) AS entries, SUM(exits) AS exits, SUM(bounces) AS bounces
FROM {{ dataset }}.daily_pages
WHERE {% include 'period.sql' %} AND {% include 'of_host.sql' %}
GROUP BY path
ORDER BY views DESC, path
LIMIT 300
