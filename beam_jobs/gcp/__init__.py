"""Calls to Google Cloud: clients, retries, BigQuery reads and writes."""
