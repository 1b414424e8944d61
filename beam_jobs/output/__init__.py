"""What a batch job writes: Parquet files, manifest, ledger."""
