"""A job's resource, states, messages, metrics and storage."""
