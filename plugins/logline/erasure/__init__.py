"""Taking a person out of all tables."""
