-- Replaces `days` in the daily tables with what their query.sql select: all of them or none.
BEGIN TRANSACTION;
{% for table in daily_tables %}
DELETE FROM {{ dataset }}.{{ table }} WHERE {{ days }};
INSERT INTO {{ dataset }}.{{ table }}
{% include 'sql/daily/' ~ table ~ '/query.sql' %};
{% include 'sql/daily/' ~ table ~ '/over_midnight.sql' ignore missing %}
{% endfor %}
COMMIT TRANSACTION;
