-- What requests will hold once the last two days are rebuilt: yesterday is until its last lines are in.
CREATE OR REPLACE VIEW {{ dataset }}.requests_live
OPTIONS (
  description = 'requests with today and yesterday (UTC) as they have landed so far, every request once; filter on log_date'
) AS
SELECT {% include 'sql/requests/columns.sql' %} FROM {{ dataset }}.requests
WHERE log_date < DATE_SUB(CURRENT_DATE(), INTERVAL 1 DAY)
UNION ALL
SELECT {% include 'sql/requests/columns.sql' %} FROM (
{% set days = "log_date >= DATE_SUB(CURRENT_DATE(), INTERVAL 1 DAY)" %}
{% set streamed_days = days %}
{% include 'sql/requests/deduplicated.sql' %}
);
