-- The table to query: rebuilt for a day by query.sql.
CREATE TABLE IF NOT EXISTS {{ dataset }}.requests (
{% include 'sql/requests/column_definitions.sql' %}
)
PARTITION BY log_date
CLUSTER BY status, path
OPTIONS (
  description = 'Every request once, from both landing tables',
  require_partition_filter = TRUE
);
