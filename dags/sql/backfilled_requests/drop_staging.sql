{% for table in ['rows', 'rejected', 'ledger', 'ledger_days'] %}
DROP TABLE IF EXISTS {{ staging }}.{{ table }}_{{ suffix }};
{% endfor %}
