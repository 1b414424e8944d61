  SELECT log_date, host, entry_page AS path, 0 AS views, 0 AS visitors, 1 AS entries, 0 AS exits, IF(is_bounce, 1, 0) AS bounces
  FROM {{ dataset }}.daily_sessions WHERE pages > 0 AND {{ days }}
  UNION ALL
  SELECT log_date, host, exit_page, 0, 0, 0, 1, 0
  FROM {{ dataset }}.daily_sessions WHERE pages > 0 AND {{ days }}
