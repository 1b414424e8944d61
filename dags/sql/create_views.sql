{% for view in views %}
{% include 'sql/' ~ view ~ '/view.sql' %}
{% endfor %}
