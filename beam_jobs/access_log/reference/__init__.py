"""Plain Python readers: they define what each line means."""
