-- Replaces `days` in the tables of findings with what their query.sql select: all of them or none.
BEGIN TRANSACTION;
{% for table in findings %}
DELETE FROM {{ dataset }}.{{ table }} WHERE {{ days }};
INSERT INTO {{ dataset }}.{{ table }}
{% include 'sql/findings/' ~ table ~ '/query.sql' %};
{% endfor %}
COMMIT TRANSACTION;
