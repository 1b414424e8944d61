"""How many bytes a statement processes, and how many are billed."""
