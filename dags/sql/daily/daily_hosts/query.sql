{% set kind, key = 7, "IFNULL(CONCAT('=', host), '')" %}
SELECT
  log_date,
  host,
  {% include 'sql/daily/day_figures.sql' %}

FROM (
  SELECT *, {{ key }} AS key FROM {{ staging }}.request_groups WHERE kind = 11 AND {{ days }}
) LEFT JOIN (
  {% include 'sql/daily/percentiles.sql' %}
) USING (log_date, key)
