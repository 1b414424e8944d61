"""Where client addresses are: country and network, from a database."""
