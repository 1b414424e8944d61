-- Rebuilds `days` from the landing tables, or adds to them what the stream has brought since; records what they were made
-- from: all of it or nothing. `added_since` is set where only the stream has brought lines.
BEGIN TRANSACTION;
{% if added_since %}
INSERT INTO {{ dataset }}.requests ({% include 'sql/requests/columns.sql' %})
{% include 'sql/requests/added.sql' %};
{% else %}
DELETE FROM {{ dataset }}.requests WHERE {{ days }};
INSERT INTO {{ dataset }}.requests ({% include 'sql/requests/columns.sql' %})
{% include 'sql/requests/deduplicated.sql' %};
{% endif %}
{% include 'sql/requests/record_build.sql' %}
COMMIT TRANSACTION;
