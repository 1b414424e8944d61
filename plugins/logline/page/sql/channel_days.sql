-- Days by what brought the visits.
SELECT log_date, channel, SUM(visits) AS visits, SUM(bounces) AS bounces, SUM(pages) AS pages
FROM {{ dataset }}.daily_channels
WHERE {% include 'period.sql' %} AND {% include 'of_host.sql' %}
GROUP BY log_date, channel
ORDER BY log_date, channel
