-- Which anomalies somebody was told of.
CREATE TABLE IF NOT EXISTS {{ dataset }}.anomaly_alerts (
  log_date DATE NOT NULL OPTIONS (description = 'Day of the anomaly'),
  host STRING OPTIONS (description = 'Virtual host, where the format has it'),
  measure STRING NOT NULL OPTIONS (description = 'As in anomalies'),
  told_at TIMESTAMP NOT NULL OPTIONS (description = 'When')
)
PARTITION BY log_date
OPTIONS (
  description = 'One row for each day, host and measure that daily_summary has raised an alert for'
);
