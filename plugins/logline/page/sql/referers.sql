-- Where requests came from, by the host of their referer; a link within a host is internal, whatever LOGLINE_OWN_HOSTS has.
SELECT
  IFNULL(referer_host, referer) AS site,
  IF(
    REGEXP_REPLACE(LOWER(referer_host), r'^www\.|:[0-9]+$', '') = REGEXP_REPLACE(LOWER(host), r'^www\.|:[0-9]+$', ''),
    'internal', referer_class
  ) AS site_class,
  SUM(requests) AS requests,
  SUM(unique_visitors) AS unique_visitors,
  SUM(errors) AS errors
FROM {{ dataset }}.daily_referers
WHERE {% include 'period.sql' %} AND {% include 'of_host.sql' %}
GROUP BY site, site_class
ORDER BY requests DESC, site, site_class
LIMIT 200
