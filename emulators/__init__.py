"""Stand-ins for Google Cloud services on one machine; they depend on nothing else of this repository."""
