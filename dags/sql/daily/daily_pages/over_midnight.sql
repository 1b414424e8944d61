-- Of the days beside, what their visits say; their page views stay. A page may only now be one with which a visit ended.
MERGE {{ dataset }}.daily_pages AS page
USING (
  SELECT log_date, host, path, SUM(entries) AS entries, SUM(exits) AS exits, SUM(bounces) AS bounces
  FROM (
    SELECT log_date, host, path, 0 AS entries, 0 AS exits, 0 AS bounces FROM {{ dataset }}.daily_pages WHERE {{ around_days }}
    UNION ALL
    SELECT log_date, host, path, entries, exits, bounces
    FROM (
      {% with days = around_days %}{% include 'sql/daily/daily_pages/of_visits.sql' %}{% endwith %}
    )
    -- Days that an older release has summed up have no pages.
    WHERE log_date IN (SELECT log_date FROM {{ dataset }}.daily_pages WHERE {{ around_days }})
  )
  GROUP BY log_date, host, path
) AS visited
ON page.{{ around_days }} AND page.log_date = visited.log_date AND page.path = visited.path
  AND IFNULL(CONCAT('=', page.host), '') = IFNULL(CONCAT('=', visited.host), '')
WHEN MATCHED THEN
  UPDATE SET entries = visited.entries, exits = visited.exits, bounces = visited.bounces
WHEN NOT MATCHED THEN
  INSERT (log_date, host, path, views, visitors, entries, exits, bounces)
  VALUES (visited.log_date, visited.host, visited.path, 0, 0, visited.entries, visited.exits, visited.bounces);
DELETE FROM {{ dataset }}.daily_pages WHERE {{ around_days }} AND views = 0 AND entries = 0 AND exits = 0;
