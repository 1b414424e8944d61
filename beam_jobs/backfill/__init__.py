"""Batch job: historical log files to Parquet files and a manifest."""
