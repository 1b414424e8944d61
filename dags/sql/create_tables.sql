{% for table in tables %}
{% include 'sql/' ~ table ~ '/schema.sql' %}
{% endfor %}
