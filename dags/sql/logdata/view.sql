-- The table of the article that this project takes up: its columns and their types, then log_date to restrict it by.
-- BigQuery wants a filter on the partition of requests; where a query has one of its own, fewer days are read.
CREATE OR REPLACE VIEW {{ dataset }}.logdata (
  remote_addr OPTIONS (description = 'Address of the client'),
  timelocal OPTIONS (description = 'Instant of the request in UTC as day/month/year:hour:minute:second, 17/May/2015:10:05:03'),
  request_type OPTIONS (description = 'HTTP method'),
  request_path OPTIONS (description = 'Target of the request with its query'),
  status OPTIONS (description = 'HTTP status, as text'),
  body_bytes_sent OPTIONS (description = 'Bytes of the response\'s body, as text'),
  http_referer OPTIONS (description = 'Referer header'),
  http_user_agent OPTIONS (description = 'User-Agent header'),
  log_date OPTIONS (description = 'Day in UTC: the column to restrict a query by')
)
OPTIONS (
  description = 'The requests as the table logdata of the article had them'
)
AS
SELECT
  remote_addr,
  FORMAT_TIMESTAMP('%d/%b/%Y:%H:%M:%S', timestamp) AS timelocal,
  method AS request_type,
  CONCAT(path, IFNULL(CONCAT('?', query), '')) AS request_path,
  CAST(status AS STRING) AS status,
  CAST(body_bytes_sent AS STRING) AS body_bytes_sent,
  referer AS http_referer,
  user_agent AS http_user_agent,
  log_date
FROM {{ dataset }}.requests
WHERE log_date > DATE '1970-01-01';
