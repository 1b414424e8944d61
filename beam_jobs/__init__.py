"""Beam jobs: historical and streamed access logs into tables."""
