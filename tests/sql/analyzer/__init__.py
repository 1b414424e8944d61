"""GoogleSQL's own analyzer over every SQL statement of this repository: `make analyze` prints its list.

Modules, each importing those before it only:
- `wasm`: the analyzer, Google's ZetaSQL compiled to WebAssembly.
- `language`: BigQuery's dialect of it, from `bigquery.yaml`.
- `catalog`: tables and views with their columns, made by the analyzer from `schema.sql` and `view.sql`.
- `tracing`: rendered SQL that knows the lines of its templates, and which of their branches were rendered.
- `scripts`: a script's statements and variables; complaints.
- `dags`, `page`, `documents`: where the SQL is found.
"""
