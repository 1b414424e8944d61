-- Replaces the day in each of `tables` with what the table's query.sql selects, and what its adjacent_days.sql says the day
-- changes in the days before and after it: all of them or none. A rebuild of requests is recorded along with it.
BEGIN TRANSACTION;
{% for table in tables %}
DELETE FROM {{ dataset }}.{{ table }} WHERE log_date = {{ log_date }};
INSERT INTO {{ dataset }}.{{ table }}
{% include ['sql/' ~ table ~ '/query.sql', 'sql/daily/' ~ table ~ '/query.sql'] %};
{% include 'sql/daily/' ~ table ~ '/adjacent_days.sql' ignore missing %}
{% include 'sql/' ~ table ~ '/record_build.sql' ignore missing %}
{% endfor %}
COMMIT TRANSACTION;
