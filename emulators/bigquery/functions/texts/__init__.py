"""Functions of STRING and BYTES."""
