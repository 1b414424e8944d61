{% for table in tables %}
DROP TABLE IF EXISTS {{ dataset }}.{{ table }};
{% endfor %}
