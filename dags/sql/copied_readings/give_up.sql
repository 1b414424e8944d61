-- Lets the landing of the staged readings count on no copy.
UPDATE {{ dataset }}.copied_readings SET copied_until = CURRENT_TIMESTAMP()
WHERE copied_until > CURRENT_TIMESTAMP() AND reading IN (
  SELECT reading FROM {{ staging }}.ledger_{{ suffix }} WHERE reading IS NOT NULL
)
