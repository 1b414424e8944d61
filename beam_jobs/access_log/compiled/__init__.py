"""Readers compiled by numba: fast, and equal to `reference` on every line they accept."""
