-- What the pass over the requests of `days` has counted, and whether each daily table adds up to it; daily_sessions, whose
-- sessions cross midnight, in its own way; those made of visits against these.
{% from 'sql/daily/of_visits.sql' import of_visits %}
{% set of_requests = daily_tables | reject('in', of_visits + ['daily_sessions']) | list %}
WITH of_days AS (
  SELECT
    day AS log_date,
    IFNULL(of_day.requests, 0) AS requests,
    IFNULL(bytes, 0) AS bytes,
    IFNULL(of_day.requests - bots, 0) AS of_visitors,
    IFNULL(errors, 0) AS errors,
    IFNULL(lacking_values, 0) AS lacking_values,
    IFNULL(out_of_range, 0) AS out_of_range,
    IFNULL(misdated, 0) AS misdated,
    IFNULL(numbered, 0) AS numbered,
    IFNULL(TIMESTAMP_DIFF(LEAST(TIMESTAMP(DATE_ADD(day, INTERVAL 1 DAY)), CURRENT_TIMESTAMP()), last_request, MINUTE), 0)
      AS silent_minutes
  FROM UNNEST([{{ listed_days | join(', ') }}]) AS day
  LEFT JOIN (SELECT * FROM {{ staging }}.request_groups WHERE kind = 0) AS of_day ON of_day.log_date = day
),
-- A session that went on after midnight is of the day before.
in_sessions AS (
  SELECT log_date, SUM(requests) AS requests
  FROM (
    SELECT log_date, requests - next_day_requests AS requests FROM {{ dataset }}.daily_sessions WHERE {{ days }}
    UNION ALL
    SELECT DATE_ADD(log_date, INTERVAL 1 DAY), next_day_requests FROM {{ dataset }}.daily_sessions
    WHERE {{ around_days }} OR {{ days }}
  )
  GROUP BY log_date
),
in_errors AS (
  SELECT log_date, SUM(requests) AS requests FROM {{ dataset }}.daily_errors WHERE {{ days }} GROUP BY log_date
),
{% include 'sql/ledger/main_days.sql' %},
in_files AS (
  SELECT log_date, SUM(rejected) AS rejected, SUM(by_reason) AS by_reason
  FROM (
    SELECT log_date, rejected, 0 AS by_reason FROM main_days
    UNION ALL
    SELECT log_date, 0, lines FROM {{ dataset }}.daily_rejected_lines WHERE source = 'backfill' AND {{ days }}
  )
  WHERE {{ days }}
  GROUP BY log_date
),
visitors AS (
  SELECT log_date, SUM(counted) AS counted, SUM(listed) AS listed
  FROM (
    SELECT log_date, unique_visitors AS counted, 0 AS listed FROM {{ dataset }}.daily_hosts WHERE {{ days }}
    UNION ALL
    SELECT log_date, 0, IF(is_bot, 0, 1) FROM {{ dataset }}.daily_visitors WHERE {{ days }}
  )
  GROUP BY log_date
),
sequences AS (
  SELECT log_date, SUM(requests) AS requests, SUM(missing) AS missing, SUM(repeats) AS repeats
  FROM {{ dataset }}.hourly_sequences WHERE {{ days }} GROUP BY log_date
),
visits AS (
  SELECT log_date, SUM(started) AS started, SUM(brought) AS brought, SUM(entries) AS entries, SUM(exits) AS exits
  FROM (
    SELECT log_date, IF(pages > 0, 1, 0) AS started, 0 AS brought, 0 AS entries, 0 AS exits
    FROM {{ dataset }}.daily_sessions WHERE {{ days }}
    UNION ALL
    SELECT log_date, 0, visits, 0, 0 FROM {{ dataset }}.daily_channels WHERE {{ days }}
    UNION ALL
    SELECT log_date, 0, 0, entries, exits FROM {{ dataset }}.daily_pages WHERE {{ days }}
  )
  GROUP BY log_date
),
daily AS (
{% for table in of_requests %}
  SELECT '{{ table }}' AS name, log_date, SUM(requests) AS requests, SUM(bytes) AS bytes
  FROM {{ dataset }}.{{ table }} WHERE {{ days }} GROUP BY log_date
  {% if not loop.last %}UNION ALL{% endif %}
{% endfor %}
),
compared AS (
  SELECT log_date, name, of_days.requests, of_days.bytes, IFNULL(daily.requests, 0) AS daily_requests,
    IFNULL(daily.bytes, 0) AS daily_bytes
  FROM of_days CROSS JOIN UNNEST([{% for table in of_requests %}'{{ table }}'{{ '' if loop.last else ', ' }}{% endfor %}]) AS name
  LEFT JOIN daily USING (log_date, name)
)
SELECT CAST(log_date AS STRING) AS day, CONCAT('requests in ', name) AS check_name, 'fail' AS level,
  requests = daily_requests AS passed, requests AS expected, daily_requests AS actual,
  'sum of requests against the table requests' AS message
FROM compared
UNION ALL
SELECT CAST(log_date AS STRING), CONCAT('bytes in ', name), 'fail', bytes = daily_bytes, bytes, daily_bytes,
  'sum of bytes against the table requests'
FROM compared
UNION ALL
SELECT CAST(log_date AS STRING), 'requests in daily_sessions', 'fail', of_visitors = IFNULL(in_sessions.requests, 0),
  of_visitors, IFNULL(in_sessions.requests, 0), 'requests of visitors in sessions against the table requests'
FROM of_days LEFT JOIN in_sessions USING (log_date)
UNION ALL
SELECT CAST(log_date AS STRING), 'requests in daily_errors', 'fail', errors = IFNULL(in_errors.requests, 0),
  errors, IFNULL(in_errors.requests, 0), 'requests with an error against the table requests'
FROM of_days LEFT JOIN in_errors USING (log_date)
UNION ALL
SELECT CAST(log_date AS STRING), 'lines in daily_rejected_lines', 'fail', IFNULL(rejected = by_reason, TRUE),
  IFNULL(rejected, 0), IFNULL(by_reason, 0), 'rejected lines of files against the ledger'
FROM of_days LEFT JOIN in_files USING (log_date)
UNION ALL
SELECT CAST(log_date AS STRING), 'visitors in daily_visitors', 'fail', counted = listed, counted, listed,
  'visitors of the hosts against daily_hosts'
FROM of_days JOIN visitors USING (log_date)
{% for table, figure, name in [('daily_channels', 'brought', 'visits'), ('daily_pages', 'entries', 'entries'), ('daily_pages', 'exits', 'exits')] %}
UNION ALL
SELECT CAST(log_date AS STRING), '{{ name }} in {{ table }}', 'fail', started = {{ figure }}, started, {{ figure }},
  'visits against daily_sessions'
FROM visits
{% endfor %}
UNION ALL
SELECT CAST(log_date AS STRING), 'day of the request', 'fail', misdated = 0, 0, misdated,
  'requests whose log_date is not the day of their timestamp'
FROM of_days
UNION ALL
SELECT CAST(log_date AS STRING), 'values that are there', 'warn', 10 * lacking_values <= requests,
  CAST(FLOOR(requests / 10) AS INT64), lacking_values, 'requests without remote_addr, path or status, at most 10 % should be'
FROM of_days
UNION ALL
SELECT CAST(log_date AS STRING), 'values in range', 'warn', out_of_range = 0, 0, out_of_range,
  'requests with a status outside 100 to 999, a negative size or duration, or a time that is still to come'
FROM of_days
UNION ALL
SELECT CAST(log_date AS STRING), 'fresh to the end', 'warn', silent_minutes <= 60, 60, silent_minutes,
  'minutes from the last request to the end of the day, or until now'
FROM of_days
UNION ALL
SELECT CAST(log_date AS STRING), 'requests in hourly_sequences', 'fail',
  numbered = IFNULL(sequences.requests, 0), numbered, IFNULL(sequences.requests, 0),
  'numbered requests against the table requests'
FROM of_days LEFT JOIN sequences USING (log_date)
UNION ALL
SELECT CAST(log_date AS STRING), 'no number missing', 'warn', missing = 0, 0, missing,
  'numbers that the servers gave to lines which are not in requests: lost before they were read, or rejected'
FROM sequences
UNION ALL
SELECT CAST(log_date AS STRING), 'each number once', 'warn', repeats = 0, 0, repeats,
  'requests with the number of another line of the same source'
FROM sequences
