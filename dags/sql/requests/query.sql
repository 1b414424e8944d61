{% set days = "log_date = " ~ log_date %}
{% include 'sql/requests/deduplicated.sql' %}
