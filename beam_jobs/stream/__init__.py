"""Streaming job: log lines from Pub/Sub to BigQuery."""
