(
  SELECT replayed.* REPLACE (landed_at AS ingested_at), run_id
  FROM {{ staging }}.replayed_{{ suffix }} AS replayed
  JOIN {{ staging }}.replay_lines_{{ suffix }} AS lines USING (source, event_id)
  WHERE CONCAT(replayed.source, ' ', replayed.event_id) IN (
    SELECT CONCAT(source, ' ', event_id) FROM {{ dataset }}.replayed_lines WHERE replayed_at = landed_at
  )
)
