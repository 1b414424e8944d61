(
  remote_addr IN (SELECT JSON_VALUE(item) FROM UNNEST(JSON_QUERY_ARRAY(@addresses)) AS item)
  OR remote_user IN (SELECT JSON_VALUE(item) FROM UNNEST(JSON_QUERY_ARRAY(@users)) AS item)
  OR REGEXP_CONTAINS(forwarded_for, @address_pattern)
)
