"""A local Cloud Storage: gcp-storage-emulator with its objects on disk."""
