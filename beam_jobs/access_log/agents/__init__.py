"""Who sends a request: a browser or an agent, which one, of whom, and whether its address bears that out."""
