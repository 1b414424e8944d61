"""What GoogleSQL's functions and operators mean, where DuckDB or bqemulator's translation mean something else.

Each area has a module with `CALLS`, which is `calls.py` where the area is a whole folder: what becomes of a node of
BigQuery's tree, by its class or, where SQLGlot does not know the function, by its name. Beside it a file may have the
macros of DuckDB that these call, and `FUNCTIONS` are those in Python, for what DuckDB cannot compute. `make googlesql`
compares all with Google's reference implementation.
"""
