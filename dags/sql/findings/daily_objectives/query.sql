{%- macro of_host(place) -%}
{%- if objectives | length > 1 -%}
CASE host{% for host, wanted in objectives.items() if host %} WHEN '{{ host }}' THEN {{ wanted[place] }}{% endfor %} ELSE {{ objectives[''][place] }} END
{%- else -%}
{{ objectives[''][place] }}
{%- endif -%}
{%- endmacro -%}
SELECT
  log_date,
  host,
  SUM(requests) AS requests,
  SUM(server_errors) AS server_errors,
  SUM(timed_requests) AS timed_requests,
  SUM(fast_requests) AS fast_requests,
  threshold_ms,
  speed_objective,
  availability_objective
FROM (
  SELECT
    log_date,
    host,
    IF(kind = 11, requests, 0) AS requests,
    IF(kind = 11, server_errors, 0) AS server_errors,
    IF(kind = 7 AND request_duration_ms IS NOT NULL, requests, 0) AS timed_requests,
    IF(kind = 7 AND request_duration_ms <= {{ of_host(2) }}, requests, 0) AS fast_requests,
    CAST({{ of_host(2) }} AS FLOAT64) AS threshold_ms,
    ROUND({{ of_host(1) }} / 100, 8) AS speed_objective,
    ROUND({{ of_host(0) }} / 100, 8) AS availability_objective
  FROM {{ staging }}.request_groups
  WHERE kind IN (7, 11) AND {{ days }}
)
GROUP BY log_date, host, threshold_ms, speed_objective, availability_objective
