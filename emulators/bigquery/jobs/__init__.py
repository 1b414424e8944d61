"""Jobs: queries and where their results go, loads and extracts, and what is kept of them."""
