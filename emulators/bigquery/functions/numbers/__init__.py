"""Functions of numbers, and their types."""
