"""What `sweep` and `arrivals` do: find objects that no run has read, and be told of new ones."""
