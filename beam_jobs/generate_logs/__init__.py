"""Synthetic access logs with their known truth, to files or to Pub/Sub."""
