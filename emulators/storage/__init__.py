"""A local Cloud Storage: objects of any name below one folder."""
