-- Notes what is about to be copied of the staged readings, so that it is found where the landing never ends.
INSERT INTO {{ dataset }}.copied_readings (reading, log_date, copied_until)
SELECT staged.reading, days.log_date, TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 DAY)
FROM {{ staging }}.ledger_{{ suffix }} AS staged JOIN {{ staging }}.ledger_days_{{ suffix }} AS days USING (source_uri)
WHERE staged.`rows` > 0 AND staged.reading NOT IN (SELECT reading FROM {{ dataset }}.copied_readings)
  AND {% include 'sql/copied_readings/none_has_landed.sql' %}
