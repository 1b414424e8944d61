"""Google's reference implementation of GoogleSQL runs the statements of dags/sql: `make reference` compares all tests.

The analyzer of `tests/sql/analyzer` is part of it: the same package also executes, slowly and for small tables, what it
has analysed.

Modules, each importing those before it only:
- `values`: values and types as Python, as ZetaSQL and as BigQuery's client have them.
- `evaluator`: one SELECT, INSERT, UPDATE or DELETE over given tables.
- `scripts`: a script, statement by statement.
- `comparison`: how the rows of two tables differ.
- `warehouse`: a warehouse of tests that has each script from dags/sql run by both.
"""
