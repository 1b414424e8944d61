"""Messages and acknowledgements on disk."""
