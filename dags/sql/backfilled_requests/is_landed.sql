(reading IS NULL OR reading IN (SELECT reading FROM {{ dataset }}.ledger WHERE reading IS NOT NULL))
