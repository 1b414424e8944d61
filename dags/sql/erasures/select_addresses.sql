-- The addresses that the daily tables are searched for: those asked for, and none of a user's other addresses.
CREATE OR REPLACE TABLE {{ staging }}.erasure_addresses_{{ suffix }} AS
SELECT JSON_VALUE(item) AS remote_addr FROM UNNEST(JSON_QUERY_ARRAY(@addresses)) AS item
