-- What brought visits: channels with their sources and campaigns.
SELECT
  channel, source, campaign, SUM(visits) AS visits, SUM(visitors) AS visitors, SUM(bounces) AS bounces, SUM(pages) AS pages
FROM {{ dataset }}.daily_channels
WHERE {% include 'period.sql' %} AND {% include 'of_host.sql' %}
GROUP BY channel, source, campaign
ORDER BY visits DESC, channel, source, campaign
LIMIT 300
