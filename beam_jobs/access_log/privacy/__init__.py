"""Addresses, secrets and hashes made anonymous."""
