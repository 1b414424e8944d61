"""What `dead_letter_replay` does."""
