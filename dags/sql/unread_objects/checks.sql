-- How long objects have lain in the bucket unread.
WITH still_unread AS (
  {% include 'sql/unread_objects/still_unread.sql' %}
),
overdue AS (
  SELECT COUNT(*) AS objects, MIN(object) AS example, MIN(noticed_at) AS since
  FROM still_unread WHERE noticed_at < TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL {{ unread_hours }} HOUR)
)
SELECT 'objects unread for {{ unread_hours }} h' AS check_name, 'fail' AS level, objects = 0 AS passed, 0 AS expected,
  objects AS actual,
  IF(
    objects = 0,
    'objects in the bucket that no run has read',
    CONCAT('objects in the bucket that no run has read, such as ', example, ', the first since ',
      FORMAT_TIMESTAMP('%Y-%m-%d %H:%M', since, 'UTC'))
  ) AS message
FROM overdue
