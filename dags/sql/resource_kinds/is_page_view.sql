method = 'GET' AND (status BETWEEN 200 AND 299 OR status = 304)
  AND {% include 'sql/resource_kinds/kind.sql' %} = 'page'
