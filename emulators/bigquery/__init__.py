"""A local BigQuery: bqemulator with its data on disk and what it lacks."""
