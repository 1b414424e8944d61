-- What a changed day changes in the sessions of the adjacent days: those of the day before that were going on in its
-- last 30 minutes, and those of the day after of visitors who were there in its first 30 minutes.
{% set before = 'DATE_SUB(' ~ log_date ~ ', INTERVAL 1 DAY)' %}
{% set after = 'DATE_ADD(' ~ log_date ~ ', INTERVAL 1 DAY)' %}
{% set late = 'TIMESTAMP_SUB(TIMESTAMP(' ~ log_date ~ '), INTERVAL 30 MINUTE)' %}
{% set early = 'TIMESTAMP_ADD(TIMESTAMP(' ~ log_date ~ '), INTERVAL 1470 MINUTE)' %}
{% set visitor %}{% include 'sql/requests/visitor.sql' %}{% endset %}
DELETE FROM {{ dataset }}.daily_sessions WHERE log_date = {{ before }} AND last_request >= {{ late }};
INSERT INTO {{ dataset }}.daily_sessions
SELECT * FROM (
  {% set day = before %}
  {% set visitors %}
    SELECT {{ visitor }} FROM {{ dataset }}.requests WHERE log_date = {{ before }} AND timestamp >= {{ late }}
  {% endset %}
  {% include 'sql/daily/daily_sessions/sessions.sql' %}
)
WHERE last_request >= {{ late }};
{% set day = after %}
{% set visitors %}
  SELECT {{ visitor }} FROM {{ dataset }}.requests WHERE log_date = {{ after }} AND timestamp < {{ early }}
{% endset %}
DELETE FROM {{ dataset }}.daily_sessions
WHERE log_date = {{ after }} AND CONCAT(IFNULL(remote_addr, ''), ' ', IFNULL(user_agent, '')) IN ({{ visitors }});
INSERT INTO {{ dataset }}.daily_sessions
{% include 'sql/daily/daily_sessions/sessions.sql' %};
