-- Notes down what somebody was told of: the parameter told is JSON of rows as untold.sql has them.
INSERT INTO {{ dataset }}.anomaly_alerts (log_date, host, measure, told_at)
SELECT
  CAST(JSON_VALUE(row, '$.day') AS DATE), JSON_VALUE(row, '$.host'), JSON_VALUE(row, '$.measure'), CURRENT_TIMESTAMP()
FROM UNNEST(JSON_QUERY_ARRAY(@told)) AS row
