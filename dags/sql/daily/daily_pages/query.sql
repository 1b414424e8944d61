SELECT
  log_date,
  host,
  path,
  SUM(views) AS views,
  SUM(visitors) AS visitors,
  SUM(entries) AS entries,
  SUM(exits) AS exits,
  SUM(bounces) AS bounces
FROM (
  SELECT log_date, host, path, requests AS views, unique_visitors AS visitors, 0 AS entries, 0 AS exits, 0 AS bounces
  FROM {{ staging }}.request_groups WHERE kind = 12 AND {{ days }}
  UNION ALL
  {% include 'sql/daily/daily_pages/of_visits.sql' %}
)
GROUP BY log_date, host, path
