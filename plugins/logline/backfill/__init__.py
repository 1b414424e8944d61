"""What `log_backfill` does: plan units, and parse, load, land and report each."""
