"""Objects on Cloud Storage and local files, by one interface."""
