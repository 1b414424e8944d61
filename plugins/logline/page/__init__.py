"""The page "Logline" of the Airflow UI: the whole pipeline at a glance, read only."""
