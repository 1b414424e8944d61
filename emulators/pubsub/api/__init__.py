"""The google.pubsub.v1 services and what their requests may hold."""
