-- What the detections find in the requests of `days`.
WITH found AS (
  SELECT seen.*, detection
  FROM (
    {% include 'sql/findings/daily_detections/requests.sql' %}
  ) AS seen, UNNEST(SPLIT(RTRIM(detections), ' ')) AS detection
),
-- Where a threshold is, an address has to reach it within a host and an hour or a day; crawlers that are who they say they
-- are look for what is no longer there.
counted AS (
  SELECT * FROM found
  QUALIFY CASE detection
  {% for detection in detections if detection.threshold %}
    WHEN '{{ detection.id }}' THEN NOT IFNULL(agent_verified, FALSE)
      AND COUNT(*) OVER {{ detection.threshold.per }} >= {{ detection.threshold.requests }}
      {% if detection.threshold.paths > 1 %}AND COUNT(DISTINCT path) OVER {{ detection.threshold.per }} >= {{ detection.threshold.paths }}{% endif %}
  {% endfor %}
    ELSE TRUE
  END
  WINDOW
    day AS (PARTITION BY log_date, host, detection, remote_addr),
    hour AS (PARTITION BY log_date, host, detection, remote_addr, TIMESTAMP_TRUNC(timestamp, HOUR))
)
SELECT
  log_date,
  host,
  detection,
  COUNT(*) AS requests,
  COUNT(DISTINCT remote_addr) AS addresses,
  COUNTIF(status < 400) AS answered,
  MIN(timestamp) AS first_seen,
  MAX(timestamp) AS last_seen,
  SUBSTR(MIN(CONCAT(
    IF(status < 400, '0', '1'), FORMAT_TIMESTAMP('%Y%m%d%H%M%E6S', timestamp),
    IFNULL(method, '-'), ' ', IFNULL(path, '-'), IFNULL(CONCAT('?', query), ''), ' ', IFNULL(user_agent, '-')
  )), 23, 500) AS example
FROM counted
GROUP BY log_date, host, detection
