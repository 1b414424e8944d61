"""What statements mean, where DuckDB by bqemulator would take them otherwise."""
