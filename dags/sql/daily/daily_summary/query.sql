-- The day in one row; a day without requests has none.
{% set kind, key = 7, "''" %}
SELECT
  log_date,
  {% include 'sql/daily/day_figures.sql' %}

FROM {{ staging }}.request_groups LEFT JOIN (
  {% include 'sql/daily/percentiles.sql' %}
) USING (log_date)
WHERE kind = 0 AND {{ days }}
