"""The programs and libraries that people use, unmodified, against the local emulators.

A module for each service declares its clients and their operations, a function each; `table` runs them all and writes
docs/clients.md, `test_clients` runs each one whose client is installed as a test.
"""
