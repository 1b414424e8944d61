-- Where requests came from, by the host of their referer.
SELECT
  IFNULL(referer_host, referer) AS site, referer_class, SUM(requests) AS requests, SUM(unique_visitors) AS unique_visitors,
  SUM(errors) AS errors
FROM {{ dataset }}.daily_referers
WHERE {% include 'period.sql' %} AND {% include 'of_host.sql' %}
GROUP BY site, referer_class
ORDER BY requests DESC, site
LIMIT 200
