"""What a line of each format is: data only."""
