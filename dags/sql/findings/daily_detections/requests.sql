-- The requests of `days` in which a detection finds something. One regular expression of all that ask for no method or status
-- leaves few requests for those of each.
{% from 'sql/detections/decoded.sql' import decoded %}
{% from 'sql/detections/condition.sql' import condition %}
SELECT
  log_date, timestamp, host, remote_addr, method, path, query, user_agent, status, agent_verified,
  CONCAT({% for detection in detections %}
    IF({{ condition(detection) }}, '{{ detection.id }} ', ''){{ '' if loop.last else ',' }}
  {% endfor %}) AS detections
FROM (
  SELECT *, CONCAT(text_path, IFNULL(CONCAT('?', text_query), '')) AS text_target
  FROM (
    {% for stage in (3, 2, 1) %}
    SELECT * REPLACE (
      {{ decoded('text_path', stage) }} AS text_path,
      {{ decoded('text_query', stage) }} AS text_query,
      {{ decoded('text_referer', stage) }} AS text_referer
    ) FROM (
    {% endfor %}
    SELECT
      log_date, timestamp, host, remote_addr, method, path, query, user_agent, status, agent_verified,
      IFNULL({{ decoded('LOWER(path)', 0) }}, '') AS text_path,
      {{ decoded("REPLACE(LOWER(query), '+', ' ')", 0) }} AS text_query,
      LOWER(CONCAT(IFNULL(path, ''), IFNULL(CONCAT('?', query), ''))) AS text_raw_target,
      IFNULL(LOWER(user_agent), '') AS text_user_agent,
      IFNULL({{ decoded('LOWER(referer)', 0) }}, '') AS text_referer
    FROM {{ dataset }}.requests
    WHERE {{ days }}
    )))
  )
)
WHERE FALSE
{% for detection in detections if detection.methods or detection.statuses %}
  OR ({{ condition(detection) }})
{% endfor %}
{% for field, pattern in patterns_by_field(detections | rejectattr('methods') | rejectattr('statuses') | list).items() %}
  OR REGEXP_CONTAINS(text_{{ field }}, r'{{ pattern }}')
{% endfor %}
