-- Landing table of backfills: a backfill replaces the rows of its own source objects. Who reads it takes only the rows that
-- have landed: see is_landed.sql.
CREATE TABLE IF NOT EXISTS {{ dataset }}.backfilled_requests (
{% include 'sql/requests/column_definitions.sql' %},
  reading INT64 OPTIONS (description = 'By which job which content of the source object was read; NULL: before there was the column, or by a replay. The row has landed, and counts, once the ledger has its reading, or where it is NULL')
)
PARTITION BY log_date
CLUSTER BY source_uri
OPTIONS (
  {% if landing_expiry_days | default(none) %}partition_expiration_days = {{ landing_expiry_days }},
  {% endif %}
  description = 'Requests as backfills landed them, each source object once. Rows on their way are there too: count those WHERE reading IS NULL OR reading IN (SELECT reading FROM ledger)',
  require_partition_filter = TRUE
);
