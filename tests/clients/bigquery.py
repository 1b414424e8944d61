"""Clients of BigQuery for Python."""

import os

import pytest

from tests.clients.bq import ROWS, rows, table
from tests.clients.case import Client, Workspace, distribution

PYTHON = Client("google-cloud-bigquery", "BigQuery", distribution("google-cloud-bigquery"))
SQLALCHEMY = Client("SQLAlchemy (sqlalchemy-bigquery)", "BigQuery", distribution("sqlalchemy-bigquery"))
PANDAS = Client("pandas-gbq", "BigQuery", distribution("pandas-gbq"))
MAGICS = Client("%%bigquery (bigquery-magics)", "BigQuery", distribution("bigquery-magics"))
IBIS = Client("ibis", "BigQuery", distribution("ibis-framework"))
POLARS = Client("Polars", "BigQuery", distribution("polars"))

CLIENTS = (PYTHON, SQLALCHEMY, PANDAS, MAGICS, IBIS, POLARS)

MANY = "SELECT n FROM UNNEST(GENERATE_ARRAY(1, 20000)) AS n"
"""More rows than a page has."""


@PYTHON.case("Client(), query with parameters")
def query(work: Workspace) -> None:
    from google.cloud import bigquery

    parameters = bigquery.QueryJobConfig(query_parameters=[bigquery.ScalarQueryParameter("n", "INT64", 1)])
    with bigquery.Client() as client:
        found = client.query_and_wait(f"SELECT b FROM {table(work)} WHERE a = @n", job_config=parameters)
    assert [dict(row) for row in found] == [{"b": "x"}]


@PYTHON.case("to_dataframe, to_arrow: results of many pages")
def frames(_: Workspace) -> None:
    from google.cloud import bigquery

    with bigquery.Client() as client:
        assert client.query(MANY).to_dataframe()["n"].sum() == 200010000
        assert client.query_and_wait(MANY).to_arrow().num_rows == 20000


@PYTHON.case("load_table_from_dataframe, list_rows")
def load(work: Workspace) -> None:
    import pandas
    from google.cloud import bigquery

    with bigquery.Client() as client:
        client.create_dataset(work.name)
        client.load_table_from_dataframe(pandas.DataFrame(ROWS), f"{work.name}.t").result()
        found = client.list_rows(f"{work.name}.t").to_dataframe(create_bqstorage_client=False)
    assert found.sort_values("a").to_dict("records") == ROWS


@PYTHON.case("query with a destination; get_table, update_table, delete_dataset")
def tables(work: Workspace) -> None:
    from google.cloud import bigquery
    from google.cloud.exceptions import NotFound

    with bigquery.Client() as client:
        made = f"{client.project}.{work.name}.made"
        config = bigquery.QueryJobConfig(destination=made, write_disposition="WRITE_TRUNCATE")
        client.query(f"SELECT * FROM {table(work)}", job_config=config).result()
        found = client.get_table(made)
        assert found.num_rows == 2
        found.schema = [*found.schema, bigquery.SchemaField("c", "DATE")]
        client.update_table(found, ["schema"])
        assert rows(f"SELECT c FROM {made} WHERE a = 1") == [{"c": None}]
        client.delete_dataset(work.name, delete_contents=True)
        with pytest.raises(NotFound):
            client.get_table(made)


@SQLALCHEMY.case("text() with parameters")
def alchemy_text(work: Workspace) -> None:
    import sqlalchemy

    engine = sqlalchemy.create_engine("bigquery://")
    with engine.connect() as connection:
        statement = sqlalchemy.text(f"SELECT b FROM {table(work)} WHERE a = :n")
        assert connection.execute(statement, {"n": 1}).scalar_one() == "x"


@SQLALCHEMY.case("reflection; select() of a reflected table")
def alchemy_reflection(work: Workspace) -> None:
    import sqlalchemy

    table(work)
    engine = sqlalchemy.create_engine("bigquery://")
    inspector = sqlalchemy.inspect(engine)
    assert work.name in inspector.get_schema_names()
    assert inspector.get_table_names(work.name) == [f"{work.name}.t"]
    reflected = sqlalchemy.Table("t", sqlalchemy.MetaData(), autoload_with=engine, schema=work.name)
    with engine.connect() as connection:
        found = connection.execute(sqlalchemy.select(reflected).where(reflected.c.b == "x")).mappings().all()
    assert [dict(row) for row in found] == ROWS[:1]


@SQLALCHEMY.case("create_all, insert, pandas.read_sql")
def alchemy_insert(work: Workspace) -> None:
    import pandas
    import sqlalchemy
    from sqlalchemy import Column, Integer, MetaData, String, Table

    rows(f"CREATE SCHEMA {work.name}")
    engine, metadata = sqlalchemy.create_engine("bigquery://"), MetaData()
    made = Table("t", metadata, Column("a", Integer), Column("b", String), schema=work.name)
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(made.insert(), ROWS)
        found = pandas.read_sql(sqlalchemy.select(made).order_by(made.c.a), connection)
    assert found.to_dict("records") == ROWS


@PANDAS.case("read_gbq")
def read_gbq(work: Workspace) -> None:
    import pandas_gbq

    found = pandas_gbq.read_gbq(f"SELECT * FROM {table(work)} ORDER BY a", progress_bar_type=None)
    assert found.to_dict("records") == ROWS
    assert len(pandas_gbq.read_gbq(MANY, progress_bar_type=None)) == 20000


@PANDAS.case("to_gbq: new, append, replace")
def to_gbq(work: Workspace) -> None:
    import pandas
    import pandas_gbq

    rows(f"CREATE SCHEMA {work.name}")
    frame = pandas.DataFrame(ROWS)
    for if_exists, expected in ("fail", 2), ("append", 4), ("replace", 2):
        pandas_gbq.to_gbq(frame, f"{work.name}.t", if_exists=if_exists, progress_bar=False)
        assert rows(f"SELECT COUNT(*) AS n FROM {work.name}.t") == [{"n": expected}]


@MAGICS.case("%%bigquery into a data frame, with --params; results of many pages")
def magics(work: Workspace) -> None:
    os.environ["IPYTHONDIR"] = str(work.folder)
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    # It would write to its folder at the end of the process, when that is no more.
    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    shell.run_line_magic("load_ext", "bigquery_magics")
    shell.run_cell_magic("bigquery", 'frame --params {"n": 1}', f"SELECT * FROM {table(work)} WHERE a = @n")
    assert shell.user_ns["frame"].to_dict("records") == ROWS[:1]
    shell.run_cell_magic("bigquery", "frame", MANY)
    assert len(shell.user_ns["frame"]) == 20000


@IBIS.case("connect, list_tables, an expression")
def ibis_expression(work: Workspace) -> None:
    import ibis

    table(work)
    connection = ibis.bigquery.connect(project_id=os.environ["GOOGLE_CLOUD_PROJECT"], dataset_id=work.name)
    assert connection.list_tables() == ["t"]
    found = connection.table("t")
    assert found.filter(found.b == "x").a.sum().execute() == 1


@POLARS.case("from_arrow of a query")
def polars_frame(work: Workspace) -> None:
    import polars
    from google.cloud import bigquery

    with bigquery.Client() as client:
        found = polars.from_arrow(client.query(f"SELECT * FROM {table(work)} ORDER BY a").to_arrow())
    assert found.to_dicts() == ROWS
