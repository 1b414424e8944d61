"""Functions of JSON, as a type and in texts."""
