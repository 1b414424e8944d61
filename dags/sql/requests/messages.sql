SELECT log_date, COUNT(DISTINCT CONCAT(event_id, ' ', IFNULL(TO_HEX(raw_line_hash), ''))) AS messages
FROM {{ dataset }}.streamed_requests WHERE {{ streamed_days }} GROUP BY log_date
