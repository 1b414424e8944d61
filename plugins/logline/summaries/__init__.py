"""What `daily_summary` and `late_lines` do."""
