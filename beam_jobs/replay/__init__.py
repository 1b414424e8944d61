"""Batch job: rejected lines, read again with today's parser."""
