-- The tables and views of release 0.1.0, whose streamed_requests was clustered by raw_line_hash too: BigQuery refuses that.

-- Landing table of backfills: a backfill replaces the rows of its own source objects.
CREATE TABLE IF NOT EXISTS DATASET.backfilled_requests (
  log_date DATE NOT NULL OPTIONS (description = 'Day of the request in UTC, from the line\'s own time'),
  timestamp TIMESTAMP NOT NULL OPTIONS (description = 'Instant of the request as the server logged it'),
  remote_addr STRING OPTIONS (description = 'Address of the client'),
  remote_user STRING OPTIONS (description = 'User name of HTTP authentication'),
  method STRING OPTIONS (description = 'HTTP method; NULL where the request line is not METHOD target PROTOCOL'),
  path STRING OPTIONS (description = 'Target of the request without its query, percent-encoding as logged; the raw text of a request line that is none'),
  query STRING OPTIONS (description = 'Query of the target, without the question mark'),
  protocol STRING OPTIONS (description = 'For example HTTP/1.1'),
  status INT64 OPTIONS (description = 'HTTP status'),
  body_bytes_sent INT64 OPTIONS (description = 'Bytes of the response\'s body'),
  referer STRING OPTIONS (description = 'Referer header'),
  user_agent STRING OPTIONS (description = 'User-Agent header'),
  browser STRING OPTIONS (description = 'Browser family read from the user agent'),
  os STRING OPTIONS (description = 'Operating system family read from the user agent'),
  device STRING OPTIONS (description = 'Device family read from the user agent'),
  is_bot BOOL OPTIONS (description = 'Whether the user agent says it is a crawler'),
  host STRING OPTIONS (description = 'Virtual host, where the format has it'),
  request_duration_ms FLOAT64 OPTIONS (description = 'Milliseconds the server took, where the format has it'),
  raw_line_hash BYTES OPTIONS (description = 'MurmurHash3 x64 128 of the line without its end'),
  event_id STRING NOT NULL OPTIONS (description = 'Identity of the landed row: source object, generation and offset, or the message of the stream'),
  source STRING NOT NULL OPTIONS (description = 'backfill or stream'),
  source_uri STRING OPTIONS (description = 'Object or subscription the line came from'),
  source_offset INT64 OPTIONS (description = 'Byte offset of the line in the (decompressed) object'),
  parser_version STRING OPTIONS (description = 'Version of the parser that made the row'),
  ingested_at TIMESTAMP OPTIONS (description = 'When the row was made')
)
PARTITION BY log_date
CLUSTER BY source_uri
OPTIONS (
  
  description = 'Requests as backfills landed them, each source object once',
  require_partition_filter = TRUE
);

-- The day by path.
CREATE TABLE IF NOT EXISTS DATASET.daily_paths (
  log_date DATE NOT NULL OPTIONS (description = 'Day in UTC'),
  path STRING OPTIONS (description = 'Path without query; NULL where no request line was logged'),
  requests INT64 NOT NULL OPTIONS (description = 'Requests'),
  unique_visitors INT64 NOT NULL OPTIONS (description = 'Distinct pairs of remote_addr and user_agent that are no crawlers'),
  errors INT64 NOT NULL OPTIONS (description = 'Requests answered with a status of 400 or above'),
  bytes INT64 NOT NULL OPTIONS (description = 'Sum of body_bytes_sent'),
  p50_duration_ms FLOAT64 OPTIONS (description = 'Median of the request duration, where logged'),
  p95_duration_ms FLOAT64 OPTIONS (description = '95th percentile of the request duration, where logged'),
  p99_duration_ms FLOAT64 OPTIONS (description = '99th percentile of the request duration, where logged')
)
PARTITION BY log_date
CLUSTER BY path
OPTIONS (
  description = 'One row for each day and path'
);

-- The day by referer.
CREATE TABLE IF NOT EXISTS DATASET.daily_referers (
  log_date DATE NOT NULL OPTIONS (description = 'Day in UTC'),
  referer STRING OPTIONS (description = 'Referer header as logged; NULL where none was'),
  referer_host STRING OPTIONS (description = 'Host of the referer in lower case, without port; NULL where it is no URL with a host'),
  requests INT64 NOT NULL OPTIONS (description = 'Requests'),
  unique_visitors INT64 NOT NULL OPTIONS (description = 'Distinct pairs of remote_addr and user_agent that are no crawlers'),
  errors INT64 NOT NULL OPTIONS (description = 'Requests answered with a status of 400 or above'),
  bytes INT64 NOT NULL OPTIONS (description = 'Sum of body_bytes_sent')
)
PARTITION BY log_date
CLUSTER BY referer_host, referer
OPTIONS (
  description = 'One row for each day and referer'
);

-- What visitors did without a pause.
CREATE TABLE IF NOT EXISTS DATASET.daily_sessions (
  log_date DATE NOT NULL OPTIONS (description = 'Day in UTC on which the session started'),
  remote_addr STRING OPTIONS (description = 'Address of the client'),
  user_agent STRING OPTIONS (description = 'User-Agent header; NULL where none or an empty one was logged'),
  first_request TIMESTAMP NOT NULL OPTIONS (description = 'First request of the session'),
  last_request TIMESTAMP NOT NULL OPTIONS (description = 'Last request of the session, at the latest before noon of the next day'),
  duration_seconds INT64 NOT NULL OPTIONS (description = 'Whole seconds from the first to the last request'),
  requests INT64 NOT NULL OPTIONS (description = 'Requests'),
  next_day_requests INT64 NOT NULL OPTIONS (description = 'Those of the requests that came after midnight'),
  errors INT64 NOT NULL OPTIONS (description = 'Requests answered with a status of 400 or above'),
  bytes INT64 NOT NULL OPTIONS (description = 'Sum of body_bytes_sent'),
  entry_path STRING OPTIONS (description = 'Path of the first request'),
  exit_path STRING OPTIONS (description = 'Path of the last request'),
  entry_referer STRING OPTIONS (description = 'Referer of the first request')
)
PARTITION BY log_date
CLUSTER BY remote_addr
OPTIONS (
  description = 'One row for each session of a visitor, crawlers left out: requests less than 30 minutes apart'
);

-- The day by HTTP status.
CREATE TABLE IF NOT EXISTS DATASET.daily_statuses (
  log_date DATE NOT NULL OPTIONS (description = 'Day in UTC'),
  status INT64 OPTIONS (description = 'HTTP status'),
  requests INT64 NOT NULL OPTIONS (description = 'Requests'),
  bytes INT64 NOT NULL OPTIONS (description = 'Sum of body_bytes_sent')
)
PARTITION BY log_date
CLUSTER BY status
OPTIONS (
  description = 'One row for each day and HTTP status'
);

-- The day in one row.
CREATE TABLE IF NOT EXISTS DATASET.daily_summary (
  log_date DATE NOT NULL OPTIONS (description = 'Day in UTC'),
  requests INT64 NOT NULL OPTIONS (description = 'Requests'),
  bots INT64 NOT NULL OPTIONS (description = 'Requests of crawlers'),
  bytes INT64 NOT NULL OPTIONS (description = 'Sum of body_bytes_sent'),
  unique_visitors INT64 NOT NULL OPTIONS (description = 'Distinct pairs of remote_addr and user_agent that are no crawlers'),
  client_errors INT64 NOT NULL OPTIONS (description = 'Requests answered with a 4xx status'),
  server_errors INT64 NOT NULL OPTIONS (description = 'Requests answered with a 5xx status'),
  client_error_rate FLOAT64 NOT NULL OPTIONS (description = 'client_errors / requests'),
  server_error_rate FLOAT64 NOT NULL OPTIONS (description = 'server_errors / requests'),
  p50_duration_ms FLOAT64 OPTIONS (description = 'Median request duration, where logged'),
  p95_duration_ms FLOAT64 OPTIONS (description = '95th percentile of the request duration, where logged'),
  p99_duration_ms FLOAT64 OPTIONS (description = '99th percentile of the request duration, where logged')
)
PARTITION BY log_date
OPTIONS (
  description = 'One row for each day'
);

-- The day by user agent.
CREATE TABLE IF NOT EXISTS DATASET.daily_user_agents (
  log_date DATE NOT NULL OPTIONS (description = 'Day in UTC'),
  user_agent STRING OPTIONS (description = 'User-Agent header as logged; NULL where none was'),
  browser STRING OPTIONS (description = 'Browser family read from it'),
  os STRING OPTIONS (description = 'Operating system family read from it'),
  device STRING OPTIONS (description = 'Device family read from it'),
  is_bot BOOL OPTIONS (description = 'Whether it says it is a crawler'),
  requests INT64 NOT NULL OPTIONS (description = 'Requests'),
  unique_visitors INT64 NOT NULL OPTIONS (description = 'Distinct values of remote_addr; 0 for a crawler'),
  errors INT64 NOT NULL OPTIONS (description = 'Requests answered with a status of 400 or above'),
  bytes INT64 NOT NULL OPTIONS (description = 'Sum of body_bytes_sent')
)
PARTITION BY log_date
CLUSTER BY browser, os
OPTIONS (
  description = 'One row for each day, user agent and what the parser read from it'
);

-- The day by visitor.
CREATE TABLE IF NOT EXISTS DATASET.daily_visitors (
  log_date DATE NOT NULL OPTIONS (description = 'Day in UTC'),
  remote_addr STRING OPTIONS (description = 'Address of the client'),
  user_agent STRING OPTIONS (description = 'User-Agent header; NULL where none or an empty one was logged'),
  is_bot BOOL NOT NULL OPTIONS (description = 'Whether the user agent says it is a crawler: no visitor then'),
  requests INT64 NOT NULL OPTIONS (description = 'Requests'),
  errors INT64 NOT NULL OPTIONS (description = 'Requests answered with a status of 400 or above'),
  bytes INT64 NOT NULL OPTIONS (description = 'Sum of body_bytes_sent'),
  first_request TIMESTAMP NOT NULL OPTIONS (description = 'First request of the day'),
  last_request TIMESTAMP NOT NULL OPTIONS (description = 'Last request of the day')
)
PARTITION BY log_date
CLUSTER BY is_bot, remote_addr
OPTIONS (
  description = 'One row for each day and visitor, a pair of remote_addr and user_agent; crawlers apart, see is_bot'
);

-- The day by hour.
CREATE TABLE IF NOT EXISTS DATASET.hourly_traffic (
  log_date DATE NOT NULL OPTIONS (description = 'Day in UTC'),
  hour TIMESTAMP NOT NULL OPTIONS (description = 'Start of the hour'),
  requests INT64 NOT NULL OPTIONS (description = 'Requests'),
  bots INT64 NOT NULL OPTIONS (description = 'Requests of crawlers'),
  bytes INT64 NOT NULL OPTIONS (description = 'Sum of body_bytes_sent'),
  unique_visitors INT64 NOT NULL OPTIONS (description = 'Distinct pairs of remote_addr and user_agent that are no crawlers'),
  errors INT64 NOT NULL OPTIONS (description = 'Requests answered with a status of 400 or above'),
  p50_duration_ms FLOAT64 OPTIONS (description = 'Median of the request duration, where logged'),
  p95_duration_ms FLOAT64 OPTIONS (description = '95th percentile of the request duration, where logged'),
  p99_duration_ms FLOAT64 OPTIONS (description = '99th percentile of the request duration, where logged')
)
PARTITION BY log_date
CLUSTER BY hour
OPTIONS (
  description = 'One row for each hour that had requests'
);

-- What was read, by which run, and what became of every line.
CREATE TABLE IF NOT EXISTS DATASET.ledger (
  run_id STRING NOT NULL OPTIONS (description = 'Run that read the object'),
  source STRING NOT NULL OPTIONS (description = 'backfill, stream, or replay: rejected lines that were read again'),
  source_uri STRING NOT NULL OPTIONS (description = 'Source object'),
  generation INT64 OPTIONS (description = 'Generation of the source object'),
  log_format STRING OPTIONS (description = 'Format its lines were read as'),
  lines INT64 NOT NULL OPTIONS (description = 'Lines read'),
  `rows` INT64 NOT NULL OPTIONS (description = 'Lines that became rows'),
  rejected INT64 NOT NULL OPTIONS (description = 'Lines that were rejected'),
  blank INT64 NOT NULL OPTIONS (description = 'Blank lines'),
  bytes INT64 OPTIONS (description = 'Bytes of the object'),
  job_id STRING OPTIONS (description = 'Dataflow job that read it'),
  parser_version STRING OPTIONS (description = 'Version of the parser'),
  started TIMESTAMP OPTIONS (description = 'When the job started'),
  finished TIMESTAMP NOT NULL OPTIONS (description = 'When the job finished')
)
PARTITION BY DATE(finished)
CLUSTER BY source_uri
OPTIONS (
  description = 'One row for each run and source object: lines = rows + rejected + blank'
);

-- Which days a source object has rows in: the partitions a replace of it must touch.
CREATE TABLE IF NOT EXISTS DATASET.ledger_days (
  run_id STRING NOT NULL OPTIONS (description = 'Run that read the object'),
  source_uri STRING NOT NULL OPTIONS (description = 'Source object'),
  generation INT64 OPTIONS (description = 'Generation of the source object'),
  log_date DATE NOT NULL OPTIONS (description = 'Day of the lines'),
  `rows` INT64 NOT NULL OPTIONS (description = 'Lines of that day that became rows'),
  finished TIMESTAMP NOT NULL OPTIONS (description = 'When the job finished')
)
PARTITION BY DATE(finished)
CLUSTER BY source_uri
OPTIONS (
  description = 'One row for each run, source object and day its lines belong to'
);

-- What every check found, whenever a gate ran.
CREATE TABLE IF NOT EXISTS DATASET.quality_checks (
  checked_at TIMESTAMP NOT NULL OPTIONS (description = 'When the gate ran'),
  dag_id STRING NOT NULL OPTIONS (description = 'DAG of the task'),
  task_id STRING NOT NULL OPTIONS (description = 'Task that ran the checks'),
  run_id STRING NOT NULL OPTIONS (description = 'Run of the DAG'),
  map_index INT64 NOT NULL OPTIONS (description = 'Which of the tasks of that id in the run; -1 where there is one'),
  try_number INT64 NOT NULL OPTIONS (description = 'Which try of the task'),
  log_date DATE OPTIONS (description = 'Day that was checked; NULL where the checks were of no single day'),
  gate STRING NOT NULL OPTIONS (description = 'Folder of the checks.sql below dags/sql'),
  check_name STRING NOT NULL OPTIONS (description = 'Name of the check'),
  level STRING NOT NULL OPTIONS (description = 'fail or warn: what happens when it does not pass'),
  passed BOOL NOT NULL OPTIONS (description = 'Whether it passed'),
  expected FLOAT64 OPTIONS (description = 'Figure that was expected'),
  actual FLOAT64 OPTIONS (description = 'Figure that was found'),
  message STRING OPTIONS (description = 'What the figures are of')
)
PARTITION BY DATE(checked_at)
CLUSTER BY log_date, gate
OPTIONS (
  description = 'One row for each check and time it ran'
);

-- What every query of every run has read, as BigQuery counts it.
CREATE TABLE IF NOT EXISTS DATASET.query_costs (
  finished_at TIMESTAMP NOT NULL OPTIONS (description = 'When the query job ended'),
  dag_id STRING NOT NULL OPTIONS (description = 'DAG of the task'),
  task_id STRING NOT NULL OPTIONS (description = 'Task that ran the query'),
  run_id STRING NOT NULL OPTIONS (description = 'Run of the DAG'),
  day STRING OPTIONS (description = 'Label logline-day of the job: the day it worked on'),
  job_id STRING NOT NULL OPTIONS (description = 'BigQuery job'),
  bytes_processed INT64 OPTIONS (description = 'Bytes read'),
  bytes_billed INT64 OPTIONS (description = 'Bytes of the bill; 0 where nothing was charged'),
  slot_milliseconds INT64 OPTIONS (description = 'Slot time')
)
PARTITION BY DATE(finished_at)
CLUSTER BY dag_id, task_id
OPTIONS (
  description = 'One row for each query job of a task'
);

-- Landing table of the lines that are no rows.
CREATE TABLE IF NOT EXISTS DATASET.rejected_lines (
  raw_line BYTES OPTIONS (description = 'The line as it was, without its end'),
  error_type STRING NOT NULL OPTIONS (description = 'Why the line was rejected: one of a closed list'),
  error_message STRING OPTIONS (description = 'The reason in words'),
  source STRING NOT NULL OPTIONS (description = 'backfill or stream'),
  source_uri STRING OPTIONS (description = 'Object or subscription the line came from'),
  source_offset INT64 OPTIONS (description = 'Byte offset of the line in the (decompressed) object'),
  event_id STRING NOT NULL OPTIONS (description = 'Identity of the landed line'),
  parser_version STRING OPTIONS (description = 'Version of the parser that rejected the line'),
  ingested_at TIMESTAMP NOT NULL OPTIONS (description = 'When the line was rejected'),
  replayed_at TIMESTAMP OPTIONS (description = 'When the line became a row after all')
)
PARTITION BY DATE(ingested_at)
CLUSTER BY source_uri, error_type
OPTIONS (
  
  description = 'Lines no parser could read, with the reason and the raw bytes'
);

-- Every time a day of requests was rebuilt, or was not although lines had come.
CREATE TABLE IF NOT EXISTS DATASET.request_builds (
  log_date DATE NOT NULL OPTIONS (description = 'Day of the requests'),
  run_id STRING NOT NULL OPTIONS (description = 'Run that decided'),
  decision STRING NOT NULL OPTIONS (description = 'rebuilt; reopened: lines came after the build, a run will rebuild the day; left: lines came later than the bound allows'),
  backfilled INT64 NOT NULL OPTIONS (description = 'Rows of the day in backfilled_requests at that moment'),
  streamed INT64 NOT NULL OPTIONS (description = 'Rows of the day in streamed_requests at that moment, copies of redelivered messages included'),
  late INT64 NOT NULL OPTIONS (description = 'Landed rows more than at the build before; negative where a replace has landed fewer'),
  requests INT64 OPTIONS (description = 'Requests of the day; NULL where it was not rebuilt'),
  decided_at TIMESTAMP NOT NULL OPTIONS (description = 'When')
)
PARTITION BY DATE(decided_at)
CLUSTER BY log_date
OPTIONS (
  description = 'One row for each rebuild of a day, and for each time late lines reopened it or came too late'
);

-- The table to query: rebuilt for a day by query.sql.
CREATE TABLE IF NOT EXISTS DATASET.requests (
  log_date DATE NOT NULL OPTIONS (description = 'Day of the request in UTC, from the line\'s own time'),
  timestamp TIMESTAMP NOT NULL OPTIONS (description = 'Instant of the request as the server logged it'),
  remote_addr STRING OPTIONS (description = 'Address of the client'),
  remote_user STRING OPTIONS (description = 'User name of HTTP authentication'),
  method STRING OPTIONS (description = 'HTTP method; NULL where the request line is not METHOD target PROTOCOL'),
  path STRING OPTIONS (description = 'Target of the request without its query, percent-encoding as logged; the raw text of a request line that is none'),
  query STRING OPTIONS (description = 'Query of the target, without the question mark'),
  protocol STRING OPTIONS (description = 'For example HTTP/1.1'),
  status INT64 OPTIONS (description = 'HTTP status'),
  body_bytes_sent INT64 OPTIONS (description = 'Bytes of the response\'s body'),
  referer STRING OPTIONS (description = 'Referer header'),
  user_agent STRING OPTIONS (description = 'User-Agent header'),
  browser STRING OPTIONS (description = 'Browser family read from the user agent'),
  os STRING OPTIONS (description = 'Operating system family read from the user agent'),
  device STRING OPTIONS (description = 'Device family read from the user agent'),
  is_bot BOOL OPTIONS (description = 'Whether the user agent says it is a crawler'),
  host STRING OPTIONS (description = 'Virtual host, where the format has it'),
  request_duration_ms FLOAT64 OPTIONS (description = 'Milliseconds the server took, where the format has it'),
  raw_line_hash BYTES OPTIONS (description = 'MurmurHash3 x64 128 of the line without its end'),
  event_id STRING NOT NULL OPTIONS (description = 'Identity of the landed row: source object, generation and offset, or the message of the stream'),
  source STRING NOT NULL OPTIONS (description = 'backfill or stream'),
  source_uri STRING OPTIONS (description = 'Object or subscription the line came from'),
  source_offset INT64 OPTIONS (description = 'Byte offset of the line in the (decompressed) object'),
  parser_version STRING OPTIONS (description = 'Version of the parser that made the row'),
  ingested_at TIMESTAMP OPTIONS (description = 'When the row was made')
)
PARTITION BY log_date
CLUSTER BY status, path
OPTIONS (
  description = 'Every request once, from both landing tables',
  require_partition_filter = TRUE
);

-- What the stream made of every batch, appended by the job after the batch's lines and before it acknowledges them.
CREATE TABLE IF NOT EXISTS DATASET.stream_batches (
  batch_id STRING NOT NULL OPTIONS (description = 'Identity of the batch; an append that was repeated is here twice'),
  job_id STRING NOT NULL OPTIONS (description = 'Dataflow job that wrote it'),
  source_uri STRING NOT NULL OPTIONS (description = 'Subscription the messages came from'),
  log_date DATE OPTIONS (description = 'Day of the lines; NULL for the batch\'s one entry of the lines that are of no day, and of its messages'),
  messages INT64 NOT NULL OPTIONS (description = 'Messages of the batch, in the entry without log_date'),
  lines INT64 NOT NULL OPTIONS (description = 'Lines'),
  `rows` INT64 NOT NULL OPTIONS (description = 'Lines that became rows'),
  rejected INT64 NOT NULL OPTIONS (description = 'Lines that were rejected'),
  blank INT64 NOT NULL OPTIONS (description = 'Blank lines'),
  bytes INT64 NOT NULL OPTIONS (description = 'Bytes of the messages, in the entry without log_date'),
  parser_version STRING OPTIONS (description = 'Version of the parser'),
  ingested_at TIMESTAMP NOT NULL OPTIONS (description = 'When the batch was made: that of its rows and rejected lines')
)
PARTITION BY DATE(ingested_at)
CLUSTER BY log_date
OPTIONS (
  
  description = 'Entries of the stream\'s ledger, one for each batch and day of its lines'
);

-- What stream_supervisor saw and did.
CREATE TABLE IF NOT EXISTS DATASET.stream_supervision (
  observed_at TIMESTAMP NOT NULL OPTIONS (description = 'When the run looked'),
  run_id STRING NOT NULL OPTIONS (description = 'Run of stream_supervisor'),
  job_name STRING NOT NULL OPTIONS (description = 'Name of the streaming job'),
  job_id STRING OPTIONS (description = 'The active job, else the one that ended last'),
  state STRING OPTIONS (description = 'Its state, as Dataflow names it'),
  version STRING OPTIONS (description = 'Version of the template it was launched from; NULL when launched by hand'),
  template_version STRING NOT NULL OPTIONS (description = 'Version of the template in the bucket'),
  decision STRING NOT NULL OPTIONS (description = 'launch, update, drain, wait or keep'),
  reason STRING NOT NULL OPTIONS (description = 'Why, with the figures'),
  runbook STRING OPTIONS (description = 'Heading of docs/operations.md, where the decision was an alarm'),
  ends INT64 NOT NULL OPTIONS (description = 'Jobs that ended unasked within the restart window'),
  lag_seconds INT64 OPTIONS (description = 'How far the running job was behind'),
  `rows` INT64 OPTIONS (description = 'Rows the running job had written since it started'),
  rejected INT64 OPTIONS (description = 'Lines the running job had rejected since it started')
)
PARTITION BY DATE(observed_at)
OPTIONS (
  description = 'One row for each decision of stream_supervisor'
);

-- Landing table of the stream: append only.
CREATE TABLE IF NOT EXISTS DATASET.streamed_requests (
  log_date DATE NOT NULL OPTIONS (description = 'Day of the request in UTC, from the line\'s own time'),
  timestamp TIMESTAMP NOT NULL OPTIONS (description = 'Instant of the request as the server logged it'),
  remote_addr STRING OPTIONS (description = 'Address of the client'),
  remote_user STRING OPTIONS (description = 'User name of HTTP authentication'),
  method STRING OPTIONS (description = 'HTTP method; NULL where the request line is not METHOD target PROTOCOL'),
  path STRING OPTIONS (description = 'Target of the request without its query, percent-encoding as logged; the raw text of a request line that is none'),
  query STRING OPTIONS (description = 'Query of the target, without the question mark'),
  protocol STRING OPTIONS (description = 'For example HTTP/1.1'),
  status INT64 OPTIONS (description = 'HTTP status'),
  body_bytes_sent INT64 OPTIONS (description = 'Bytes of the response\'s body'),
  referer STRING OPTIONS (description = 'Referer header'),
  user_agent STRING OPTIONS (description = 'User-Agent header'),
  browser STRING OPTIONS (description = 'Browser family read from the user agent'),
  os STRING OPTIONS (description = 'Operating system family read from the user agent'),
  device STRING OPTIONS (description = 'Device family read from the user agent'),
  is_bot BOOL OPTIONS (description = 'Whether the user agent says it is a crawler'),
  host STRING OPTIONS (description = 'Virtual host, where the format has it'),
  request_duration_ms FLOAT64 OPTIONS (description = 'Milliseconds the server took, where the format has it'),
  raw_line_hash BYTES OPTIONS (description = 'MurmurHash3 x64 128 of the line without its end'),
  event_id STRING NOT NULL OPTIONS (description = 'Identity of the landed row: source object, generation and offset, or the message of the stream'),
  source STRING NOT NULL OPTIONS (description = 'backfill or stream'),
  source_uri STRING OPTIONS (description = 'Object or subscription the line came from'),
  source_offset INT64 OPTIONS (description = 'Byte offset of the line in the (decompressed) object'),
  parser_version STRING OPTIONS (description = 'Version of the parser that made the row'),
  ingested_at TIMESTAMP OPTIONS (description = 'When the row was made')
)
PARTITION BY log_date
CLUSTER BY event_id
OPTIONS (
  
  description = 'Requests as the stream landed them; a redelivered message is here twice',
  require_partition_filter = TRUE
);

-- The table of the article that this project takes up: its columns and their types, then log_date to restrict it by.
-- BigQuery wants a filter on the partition of requests; where a query has one of its own, fewer days are read.
CREATE OR REPLACE VIEW DATASET.logdata (
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
FROM DATASET.requests
WHERE log_date > DATE '1970-01-01';

-- Are the numbers right, and how do you know: one row for each day.
CREATE OR REPLACE VIEW DATASET.reconciliation (
  log_date OPTIONS (description = 'Day in UTC'),
  status OPTIONS (description = 'balanced; unbalanced: a difference is not zero; outdated: rows have landed since requests was rebuilt, nothing else differs'),
  lines OPTIONS (description = 'Lines read, as the ledger has them; those of no day count on the day most rows of their object are of, or on which the stream brought them'),
  `rows` OPTIONS (description = 'Lines that became rows, as the ledger has them'),
  rejected OPTIONS (description = 'Lines that were rejected, as the ledger has them'),
  blank OPTIONS (description = 'Blank lines, as the ledger has them'),
  landed OPTIONS (description = 'Rows in backfilled_requests and streamed_requests'),
  requests OPTIONS (description = 'Rows in requests'),
  duplicates OPTIONS (description = 'delivered_again + in_both'),
  delivered_again OPTIONS (description = 'Landed copies of messages that were delivered more than once'),
  in_both OPTIONS (description = 'Landed rows of requests that were both streamed and backfilled'),
  replayed OPTIONS (description = 'Landed rows that had been rejected lines'),
  in_flight OPTIONS (description = 'Lines the stream landed within the last hour whose entry in the ledger is still to come'),
  lines_difference OPTIONS (description = 'lines - rows - rejected - blank'),
  rows_difference OPTIONS (description = 'Rows that the ledger has and the landing tables lack, or the other way round, per source object and batch of the stream'),
  rejected_difference OPTIONS (description = 'The same of rejected lines'),
  requests_difference OPTIONS (description = 'landed - requests - duplicates'),
  built_at OPTIONS (description = 'When requests was rebuilt for the day')
)
OPTIONS (
  description = 'For each day: lines = rows + rejected + blank, and landed = requests + duplicates; differences flagged'
) AS

-- What was read against what has landed against what is in requests, for `days`. The lines of a source object or a batch
-- that are of no day (rejected, blank) count on one: for an object the day most of its rows are of, else that on which it
-- was read; for a batch of the stream the day it came.
WITH objects AS (
  SELECT source_uri, run_id, lines, rejected, blank, DATE(finished) AS finished_on FROM DATASET.ledger
  WHERE source = 'backfill'
  QUALIFY ROW_NUMBER() OVER (PARTITION BY source_uri ORDER BY finished DESC, run_id DESC) = 1
),
object_days AS (
  SELECT source_uri, days.log_date, SUM(days.`rows`) AS good
  FROM DATASET.ledger_days AS days JOIN objects USING (source_uri, run_id)
  GROUP BY source_uri, days.log_date
),
main_days AS (
  SELECT source_uri, IFNULL(log_date, finished_on) AS log_date, lines, rejected, blank,
    SUM(IFNULL(good, 0)) OVER (PARTITION BY source_uri) AS of_all_days
  FROM objects LEFT JOIN object_days USING (source_uri)
  WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY source_uri ORDER BY good DESC, log_date) = 1
),
batches AS (
  SELECT IFNULL(log_date, DATE(ingested_at)) AS log_date, log_date IS NULL AS of_no_day, source_uri, ingested_at, lines,
    `rows` AS good, rejected, blank
  -- Apart, so that log_date is the entry's own: a batch has one for today and one without a day.
  FROM (
    SELECT * FROM DATASET.stream_batches
    WHERE TRUE
    QUALIFY ROW_NUMBER() OVER (PARTITION BY batch_id, log_date ORDER BY ingested_at) = 1
  )
),
row_batches AS (
  SELECT log_date, source_uri, ingested_at, SUM(good) AS good
  FROM batches WHERE log_date >= DATE '1970-01-01' AND NOT of_no_day GROUP BY log_date, source_uri, ingested_at
),
rejected_batches AS (
  SELECT log_date, source_uri, ingested_at, SUM(rejected) AS rejected
  FROM batches WHERE of_no_day AND rejected > 0 GROUP BY log_date, source_uri, ingested_at
),
-- Of a batch that is younger the entry may still be on its way, as long as the stream is down even those of a killed job.
moments AS (
  SELECT TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR) AS settled,
    (SELECT IFNULL(MIN(ingested_at), TIMESTAMP '1970-01-01 00:00:00+00') FROM DATASET.stream_batches) AS ledger_begins
),
replayed AS (
  SELECT event_id FROM DATASET.rejected_lines WHERE replayed_at IS NOT NULL GROUP BY event_id
),
backfilled AS (
  SELECT log_date, source_uri, COUNT(*) AS landed, COUNTIF(replayed.event_id IS NOT NULL) AS replayed
  FROM DATASET.backfilled_requests LEFT JOIN replayed USING (event_id)
  WHERE log_date >= DATE '1970-01-01' GROUP BY log_date, source_uri
),
streamed AS (
  SELECT log_date, source_uri, ingested_at, event_id, raw_line_hash, replayed.event_id IS NOT NULL AS is_replayed
  FROM DATASET.streamed_requests LEFT JOIN replayed USING (event_id)
  WHERE log_date >= DATE '1970-01-01'
),
streamed_batches AS (
  SELECT log_date, source_uri, ingested_at, COUNT(*) AS landed
  FROM streamed GROUP BY log_date, source_uri, ingested_at
),
messages AS (
  SELECT log_date, event_id, MIN(raw_line_hash) AS raw_line_hash, COUNT(*) AS landed, COUNTIF(is_replayed) AS replayed,
    MAX(ingested_at) AS ingested_at, COUNTIF(good IS NOT NULL) AS in_ledger
  FROM streamed LEFT JOIN row_batches USING (log_date, source_uri, ingested_at)
  GROUP BY log_date, event_id
),
streamed_lines AS (
  SELECT log_date, raw_line_hash, COUNT(*) AS messages FROM messages GROUP BY log_date, raw_line_hash
),
backfilled_lines AS (
  SELECT log_date, raw_line_hash, COUNT(*) AS landed FROM DATASET.backfilled_requests
  WHERE log_date >= DATE '1970-01-01' AND raw_line_hash IN (SELECT raw_line_hash FROM streamed_lines)
  GROUP BY log_date, raw_line_hash
),
rejected_objects AS (
  SELECT source_uri, COUNT(*) AS landed FROM DATASET.rejected_lines WHERE source = 'backfill' GROUP BY source_uri
),
rejected_streamed AS (
  SELECT DATE(ingested_at) AS log_date, source_uri, ingested_at, event_id FROM DATASET.rejected_lines
  WHERE source = 'stream'
),
rejected_landed AS (
  SELECT log_date, source_uri, ingested_at, COUNT(*) AS landed FROM rejected_streamed
  GROUP BY log_date, source_uri, ingested_at
),
-- A copy may come on the next day.
rejected_messages AS (
  SELECT event_id, MAX(log_date) AS log_date, MAX(ingested_at) AS ingested_at, COUNTIF(rejected IS NOT NULL) AS in_ledger
  FROM rejected_streamed LEFT JOIN rejected_batches USING (log_date, source_uri, ingested_at)
  GROUP BY event_id
),
builds AS (
  SELECT log_date, decided_at, backfilled + streamed AS landed FROM DATASET.request_builds
  WHERE decision = 'rebuilt'
  QUALIFY ROW_NUMBER() OVER (PARTITION BY log_date ORDER BY decided_at DESC) = 1
),
figures AS (
  SELECT log_date, 'lines' AS figure, good AS n FROM object_days
  UNION ALL SELECT log_date, 'rows', good FROM object_days
  UNION ALL SELECT log_date, 'lines', lines - of_all_days FROM main_days
  UNION ALL SELECT log_date, 'rejected', rejected FROM main_days
  UNION ALL SELECT log_date, 'blank', blank FROM main_days
  UNION ALL SELECT log_date, 'lines', lines FROM batches
  UNION ALL SELECT log_date, 'rows', good FROM batches
  UNION ALL SELECT log_date, 'rejected', rejected FROM batches
  UNION ALL SELECT log_date, 'blank', blank FROM batches

  UNION ALL SELECT log_date, 'landed', landed FROM backfilled
  UNION ALL SELECT log_date, 'replayed', replayed FROM backfilled
  UNION ALL SELECT log_date, 'landed', landed FROM messages
  UNION ALL SELECT log_date, 'replayed', IF(replayed > 0, 1, 0) FROM messages
  UNION ALL SELECT log_date, 'delivered_again', landed - 1 FROM messages
  UNION ALL SELECT log_date, 'in_both', LEAST(backfilled_lines.landed, messages)
    FROM backfilled_lines JOIN streamed_lines USING (log_date, raw_line_hash)
  UNION ALL SELECT log_date, 'requests', COUNT(*) FROM DATASET.requests WHERE log_date >= DATE '1970-01-01' GROUP BY log_date

  UNION ALL SELECT log_date, 'rows_difference', ABS(IFNULL(good, 0) - IFNULL(landed - replayed, 0))
    FROM object_days FULL JOIN backfilled USING (log_date, source_uri)
  UNION ALL SELECT log_date, 'rows_difference', GREATEST(good - IFNULL(landed, 0), 0)
    FROM row_batches LEFT JOIN streamed_batches USING (log_date, source_uri, ingested_at)
  UNION ALL SELECT log_date, 'in_flight', 1 FROM messages CROSS JOIN moments
    WHERE in_ledger = 0 AND replayed = 0 AND ingested_at >= settled
  UNION ALL SELECT log_date, 'rows_difference', 1 FROM messages CROSS JOIN moments
    WHERE in_ledger = 0 AND replayed = 0 AND ingested_at < settled AND ingested_at >= ledger_begins

  UNION ALL SELECT log_date, 'rejected_difference', ABS(rejected - IFNULL(landed, 0))
    FROM main_days LEFT JOIN rejected_objects USING (source_uri)
  UNION ALL SELECT log_date, 'rejected_difference', GREATEST(rejected - IFNULL(landed, 0), 0)
    FROM rejected_batches LEFT JOIN rejected_landed USING (log_date, source_uri, ingested_at)
  UNION ALL SELECT log_date, 'in_flight', 1 FROM rejected_messages CROSS JOIN moments
    WHERE in_ledger = 0 AND ingested_at >= settled
  UNION ALL SELECT log_date, 'rejected_difference', 1 FROM rejected_messages CROSS JOIN moments
    WHERE in_ledger = 0 AND ingested_at < settled AND ingested_at >= ledger_begins
),
days AS (
  SELECT
    log_date,

    SUM(IF(figure = 'lines', n, 0)) AS `lines`,

    SUM(IF(figure = 'rows', n, 0)) AS `rows`,

    SUM(IF(figure = 'rejected', n, 0)) AS `rejected`,

    SUM(IF(figure = 'blank', n, 0)) AS `blank`,

    SUM(IF(figure = 'landed', n, 0)) AS `landed`,

    SUM(IF(figure = 'replayed', n, 0)) AS `replayed`,

    SUM(IF(figure = 'delivered_again', n, 0)) AS `delivered_again`,

    SUM(IF(figure = 'in_both', n, 0)) AS `in_both`,

    SUM(IF(figure = 'requests', n, 0)) AS `requests`,

    SUM(IF(figure = 'in_flight', n, 0)) AS `in_flight`,

    SUM(IF(figure = 'rows_difference', n, 0)) AS `rows_difference`,

    SUM(IF(figure = 'rejected_difference', n, 0)) AS `rejected_difference`

  FROM figures
  WHERE log_date >= DATE '1970-01-01'
  GROUP BY log_date
),
differences AS (
  SELECT
    days.*,
    decided_at AS built_at,
    IFNULL(builds.landed, 0) != days.landed AS changed,
    lines - days.`rows` - rejected - blank AS lines_difference,
    days.landed - requests - delivered_again - in_both AS requests_difference
  FROM days LEFT JOIN builds USING (log_date)
)
SELECT
  log_date,
  CASE
    WHEN lines_difference != 0 OR rows_difference != 0 OR rejected_difference != 0 THEN 'unbalanced'
    WHEN changed THEN 'outdated'
    WHEN requests_difference != 0 THEN 'unbalanced'
    ELSE 'balanced'
  END AS status,
  lines,
  `rows`,
  rejected,
  blank,
  landed,
  requests,
  delivered_again + in_both AS duplicates,
  delivered_again,
  in_both,
  replayed,
  in_flight,
  lines_difference,
  rows_difference,
  rejected_difference,
  requests_difference,
  built_at
FROM differences;

-- What requests will hold once the last two days are rebuilt: yesterday is until its last lines are in.
CREATE OR REPLACE VIEW DATASET.requests_live
OPTIONS (
  description = 'requests with today and yesterday (UTC) as they have landed so far, every request once; filter on log_date'
) AS
SELECT log_date, timestamp, remote_addr, remote_user, method, path, query, protocol, status, body_bytes_sent, referer, user_agent,
browser, os, device, is_bot, host, request_duration_ms, raw_line_hash, event_id, source, source_uri, source_offset,
parser_version, ingested_at FROM DATASET.requests
WHERE log_date < DATE_SUB(CURRENT_DATE(), INTERVAL 1 DAY)
UNION ALL
SELECT log_date, timestamp, remote_addr, remote_user, method, path, query, protocol, status, body_bytes_sent, referer, user_agent,
browser, os, device, is_bot, host, request_duration_ms, raw_line_hash, event_id, source, source_uri, source_offset,
parser_version, ingested_at FROM (

-- Every request of `days` once. A message delivered twice has one event_id. A line that was streamed and is in a log file
-- too is one request: the n-th time the file has the line is the n-th time the stream brought it. So all lines of the files
-- stay, and of the stream only what goes beyond them; real repetitions are kept on both sides.
-- No WITH for the rows of the files: read twice, the emulator would keep a copy of all of them.
WITH delivered_once AS (
  SELECT * FROM DATASET.streamed_requests WHERE log_date >= DATE_SUB(CURRENT_DATE(), INTERVAL 1 DAY)
  QUALIFY ROW_NUMBER() OVER (PARTITION BY log_date, event_id ORDER BY ingested_at) = 1
),
streamed AS (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY log_date, raw_line_hash ORDER BY event_id) AS occurrence FROM delivered_once
),
in_files AS (
  SELECT log_date, raw_line_hash, COUNT(*) AS occurrences FROM DATASET.backfilled_requests
  WHERE log_date >= DATE_SUB(CURRENT_DATE(), INTERVAL 1 DAY) GROUP BY log_date, raw_line_hash
)
SELECT log_date, timestamp, remote_addr, remote_user, method, path, query, protocol, status, body_bytes_sent, referer, user_agent,
browser, os, device, is_bot, host, request_duration_ms, raw_line_hash, event_id, source, source_uri, source_offset,
parser_version, ingested_at
FROM DATASET.backfilled_requests
WHERE log_date >= DATE_SUB(CURRENT_DATE(), INTERVAL 1 DAY)
UNION ALL
SELECT log_date, timestamp, remote_addr, remote_user, method, path, query, protocol, status, body_bytes_sent, referer, user_agent,
browser, os, device, is_bot, host, request_duration_ms, raw_line_hash, event_id, source, source_uri, source_offset,
parser_version, ingested_at
FROM streamed LEFT JOIN in_files USING (log_date, raw_line_hash)
WHERE occurrence > IFNULL(occurrences, 0)
);

