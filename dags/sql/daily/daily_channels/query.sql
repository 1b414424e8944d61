SELECT
  log_date,
  host,
  channel,
  IFNULL(utm_source, referer_domain) AS source,
  utm_campaign AS campaign,
  COUNT(*) AS visits,
  COUNT(DISTINCT CONCAT(IFNULL(remote_addr, ''), ' ', IFNULL(user_agent, ''))) AS visitors,
  COUNTIF(is_bounce) AS bounces,
  SUM(pages) AS pages
FROM {{ dataset }}.daily_sessions
WHERE pages > 0 AND {{ days }}
GROUP BY log_date, host, channel, source, campaign
