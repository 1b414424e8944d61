-- The lines of this run, the oldest ones first: what happens to the table meanwhile does not change them.
CREATE OR REPLACE TABLE {{ staging }}.replay_lines_{{ suffix }} AS
SELECT @run_id AS run_id, candidates.* FROM (
{% include 'sql/replay/lines.sql' %}
) AS candidates
ORDER BY ingested_at, event_id
LIMIT {{ limit }}
