-- What every check found, whenever a gate ran.
CREATE TABLE IF NOT EXISTS {{ dataset }}.quality_checks (
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
