{% for table in tables %}
{% include ['sql/' ~ table ~ '/schema.sql', 'sql/daily/' ~ table ~ '/schema.sql', 'sql/findings/' ~ table ~ '/schema.sql'] %}
{% endfor %}
