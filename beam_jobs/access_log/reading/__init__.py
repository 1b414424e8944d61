"""Bytes of a file as blocks of whole lines."""
