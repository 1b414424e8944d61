"""Batch job: parse rejected lines again with the installed parser."""
