{% set day, visitors = log_date, none %}
{% include 'sql/daily_sessions/sessions.sql' %}
