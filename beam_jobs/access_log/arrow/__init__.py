"""Arrow columns of parsed and rejected lines."""
