"""What `log_backfill` does: plan, take turns, report."""
