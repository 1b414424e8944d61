-- Anomalies of the last days that nobody was told of: of each day, host and measure the farthest. What goes on from the day
-- before is no news.
SELECT CAST(log_date AS STRING) AS day, host, measure, sentence
FROM {{ dataset }}.anomalies
WHERE log_date >= DATE_SUB(CURRENT_DATE(), INTERVAL {{ alert_days }} DAY)
  AND CONCAT(CAST(log_date AS STRING), measure, IFNULL(CONCAT('=', host), '')) NOT IN (
    SELECT CONCAT(CAST(log_date AS STRING), measure, IFNULL(CONCAT('=', host), ''))
    FROM {{ dataset }}.anomaly_alerts WHERE log_date >= DATE_SUB(CURRENT_DATE(), INTERVAL {{ alert_days }} DAY)
    UNION ALL
    SELECT CONCAT(CAST(DATE_ADD(log_date, INTERVAL 1 DAY) AS STRING), measure, IFNULL(CONCAT('=', host), ''))
    FROM {{ dataset }}.anomalies WHERE log_date >= DATE_SUB(CURRENT_DATE(), INTERVAL {{ alert_days + 1 }} DAY)
  )
QUALIFY ROW_NUMBER() OVER (PARTITION BY log_date, host, measure ORDER BY ABS(deviation) DESC, hour) = 1
ORDER BY day, measure, host
