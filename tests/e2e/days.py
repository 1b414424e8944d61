"""Days that a test has made in the tables of the shared stack."""

from local_stack.running import RunningStack


def forget_day(stack: RunningStack, day: str, *, sources: str) -> None:
    """Delete a day, and what came from sources like a pattern, from every table: other tests know only their days."""
    with stack.bigquery() as client:
        for listed in client.list_tables(stack.dataset):
            columns = {field.name for field in client.get_table(listed).schema}
            if listed.table_type != "TABLE":
                continue
            if "log_date" in columns:
                client.query_and_wait(f"DELETE FROM {stack.dataset}.{listed.table_id} WHERE log_date = '{day}'")
            elif "source_uri" in columns:
                client.query_and_wait(
                    f"DELETE FROM {stack.dataset}.{listed.table_id} WHERE source_uri LIKE '{sources}'"
                )
