-- Replaces `days` in the daily tables with what their query.sql select: all of them or none. Those made from daily_sessions
-- come after it.
{% from 'sql/daily/of_visits.sql' import of_visits %}
BEGIN TRANSACTION;
{% for table in daily_tables | reject('in', of_visits) | list + daily_tables | select('in', of_visits) | list %}
DELETE FROM {{ dataset }}.{{ table }} WHERE {{ days }};
INSERT INTO {{ dataset }}.{{ table }}
{% include 'sql/daily/' ~ table ~ '/query.sql' %};
{% include 'sql/daily/' ~ table ~ '/over_midnight.sql' ignore missing %}
{% endfor %}
COMMIT TRANSACTION;
