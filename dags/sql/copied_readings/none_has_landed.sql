NOT EXISTS (
  SELECT landed.reading FROM {{ dataset }}.ledger AS landed JOIN {{ staging }}.ledger_{{ suffix }} AS candidate USING (reading)
)
