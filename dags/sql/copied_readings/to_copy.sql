-- How many rows the staged readings have to copy: all or none. Once one of them has landed, none is copied again.
SELECT IFNULL(SUM(`rows`), 0) AS to_copy FROM {{ staging }}.ledger_{{ suffix }}
WHERE reading IS NOT NULL AND {% include 'sql/copied_readings/none_has_landed.sql' %}
