"""Made-up access logs with their known truth, to files or to Pub/Sub."""
