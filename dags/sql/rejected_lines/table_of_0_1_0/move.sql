-- Moves the rejected lines of release 0.1.0 to the tables that they are in now: all of them or none.
BEGIN TRANSACTION;
{% for source, table in [('backfill', 'rejected_backfilled'), ('stream', 'rejected_streamed')] %}
INSERT INTO {{ dataset }}.{{ table }} ({% include 'sql/rejected_lines/columns.sql' %})
SELECT {% include 'sql/rejected_lines/columns.sql' %} FROM {{ dataset }}.{{ table_of_0_1_0 }} WHERE source = '{{ source }}';
{% endfor %}
INSERT INTO {{ dataset }}.replayed_lines (source, source_uri, event_id, raw_line_sha256, replayed_at, run_id)
SELECT source, MIN(source_uri), event_id, SHA256(raw_line), MIN(replayed_at), CAST(NULL AS STRING)
FROM {{ dataset }}.{{ table_of_0_1_0 }}
WHERE replayed_at IS NOT NULL
GROUP BY source, event_id, SHA256(raw_line);
DELETE FROM {{ dataset }}.{{ table_of_0_1_0 }} WHERE TRUE;
COMMIT TRANSACTION;
