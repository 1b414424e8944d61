"""BigQuery: queries, loads, checks, costs and the ledger."""
