{% for table in ['replay_lines', 'replayed'] %}
DROP TABLE IF EXISTS {{ staging }}.{{ table }}_{{ suffix }};
{% endfor %}
