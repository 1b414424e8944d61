"""Stand-ins for Google Cloud services on one machine; they know nothing of logline."""
