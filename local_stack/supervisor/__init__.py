"""The process that starts the stack's components, watches them, and stops them."""
