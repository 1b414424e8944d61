-- What every query of every run has read, as BigQuery counts it.
CREATE TABLE IF NOT EXISTS {{ dataset }}.query_costs (
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
