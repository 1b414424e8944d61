-- Replaces the day in each of `tables` with what the table's query.sql selects, and what its beside.sql says the day
-- changes in the days beside it: all of them or none.
BEGIN TRANSACTION;
{% for table in tables %}
DELETE FROM {{ dataset }}.{{ table }} WHERE log_date = {{ log_date }};
INSERT INTO {{ dataset }}.{{ table }}
{% include 'sql/' ~ table ~ '/query.sql' %};
{% include 'sql/' ~ table ~ '/beside.sql' ignore missing %}
{% endfor %}
COMMIT TRANSACTION;
