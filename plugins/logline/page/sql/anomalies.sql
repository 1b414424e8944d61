-- What was far from what the hour of the week mostly has, the latest first.
SELECT log_date, hour, host, measure, value, expected, deviation, sentence
FROM {{ dataset }}.anomalies
WHERE {% include 'period.sql' %} AND {% include 'of_host.sql' %}
ORDER BY hour DESC, ABS(deviation) DESC, host, measure
LIMIT 300
