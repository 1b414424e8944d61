{% for table in ['erasure', 'erasure_addresses', 'erasure_batches'] %}
DROP TABLE IF EXISTS {{ staging }}.{{ table }}_{{ suffix }};
{% endfor %}
