"""The parser on the command line."""
