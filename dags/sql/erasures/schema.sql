-- What was erased at whose request. Who was erased is not told: only a hash that needs the run's id.
CREATE TABLE IF NOT EXISTS {{ dataset }}.erasures (
  erased_at TIMESTAMP NOT NULL OPTIONS (description = 'When the rows were gone'),
  run_id STRING NOT NULL OPTIONS (description = 'Run of the DAG erasure'),
  requested_by STRING OPTIONS (description = 'User of Airflow who started the run; NULL where it does not say'),
  subject_sha256 STRING NOT NULL OPTIONS (description = 'SHA256, in hexadecimal, of the run_id, a line feed, and the addresses and user names that were asked for, sorted, each with a line feed'),
  first_day DATE NOT NULL OPTIONS (description = 'First day that was asked for'),
  last_day DATE NOT NULL OPTIONS (description = 'Last day that was asked for'),
  table_name STRING NOT NULL OPTIONS (description = 'Table that rows were taken out of'),
  `rows` INT64 NOT NULL OPTIONS (description = 'How many'),
  source_objects STRING OPTIONS (description = 'JSON list of the source objects these rows came from: what is left of them in the bucket still holds the lines')
)
PARTITION BY DATE(erased_at)
CLUSTER BY run_id
OPTIONS (
  description = 'One row for each erasure and table that it took rows out of'
);
