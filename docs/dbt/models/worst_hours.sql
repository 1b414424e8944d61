-- Of each day and host the hour with the largest share of errors, where that is more than a tenth.
SELECT log_date, host, hour, requests, errors, errors / requests AS error_rate
FROM {{ source("logline", "hourly_traffic") }}
WHERE errors / requests > 0.1
QUALIFY ROW_NUMBER() OVER (PARTITION BY log_date, host ORDER BY errors / requests DESC, hour) = 1
