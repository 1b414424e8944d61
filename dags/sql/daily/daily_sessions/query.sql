{% set day, visitors = log_date, none %}
{% include 'sql/daily/daily_sessions/sessions.sql' %}
