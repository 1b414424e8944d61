"""REST clients of the stack's Airflow and Dataflow."""
