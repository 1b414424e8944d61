"""Generators of documentation, templates, secrets and pictures; none is imported by the product."""
