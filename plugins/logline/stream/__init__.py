"""What `stream_supervisor` does: observe, decide, act."""
