-- The day by what was looked for and found.
CREATE TABLE IF NOT EXISTS {{ dataset }}.daily_detections (
  log_date DATE NOT NULL OPTIONS (description = 'Day in UTC'),
  host STRING OPTIONS (description = 'Virtual host, where the format has it'),
  detection STRING NOT NULL OPTIONS (description = 'Id of the detection, in dags/sql/detections'),
  severity STRING NOT NULL OPTIONS (description = 'low, medium, high or critical'),
  tags STRING NOT NULL OPTIONS (description = 'Tags of OWASP, CWE and MITRE ATT&CK, with commas between them'),
  requests INT64 NOT NULL OPTIONS (description = 'Requests in which it was found; a request may be in several rows'),
  addresses INT64 NOT NULL OPTIONS (description = 'Distinct values of remote_addr'),
  answered INT64 NOT NULL OPTIONS (description = 'Requests answered with a status below 400: they may have succeeded'),
  first_seen TIMESTAMP NOT NULL OPTIONS (description = 'First of the requests'),
  last_seen TIMESTAMP NOT NULL OPTIONS (description = 'Last of the requests'),
  example STRING NOT NULL OPTIONS (description = 'The first request, answered ones before others: method, target, user agent; cut to 500 characters')
)
PARTITION BY log_date
CLUSTER BY host, detection
OPTIONS (
  description = 'One row for each day, host and detection that found something'
);
