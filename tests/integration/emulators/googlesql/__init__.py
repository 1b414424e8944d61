"""Expressions by the local BigQuery and by Google's own reference implementation of GoogleSQL: `make googlesql`.

The files name templates of expressions, into which every value of `values.yaml` is put. Those of a file's `agrees` give
the same on both sides, or are refused by both. Those of `refused` the local BigQuery may refuse, but never answers
otherwise. Those of `differs` are known to differ, each with the reason.
"""
