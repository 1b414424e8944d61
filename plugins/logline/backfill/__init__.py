"""What `log_backfill` does: plan, wait for slots, report."""
