from airflow.sdk import BaseOperator

from logline.settings import Settings
from logline.warehouse.checks import Gate
from logline.warehouse.queries import Query

SETTINGS = Settings.from_environment({"GOOGLE_CLOUD_PROJECT": "logline-local", "LOGLINE_BUCKET": "logline-local"})


class Holder(BaseOperator):
    template_fields = ("query", "gates")

    def __init__(self, query, gates, **kwargs):
        super().__init__(**kwargs)
        self.query = query
        self.gates = gates


def test_a_query_is_the_job_that_bigquery_takes():
    query = Query("SELECT @n", day="2015-05-17", parameters=[("n", "INT64", "1")])
    assert query.with_strings(manifest="{}").job(SETTINGS) == {
        "query": {
            "query": "SELECT @n",
            "useLegacySql": False,
            "maximumBytesBilled": "1000000000000",
            "queryParameters": [
                {"name": "n", "parameterType": {"type": "INT64"}, "parameterValue": {"value": "1"}},
                {"name": "manifest", "parameterType": {"type": "STRING"}, "parameterValue": {"value": "{}"}},
            ],
        },
        "labels": {**query.labels, "logline-day": "2015-05-17"},
    }
    assert query.day == "2015-05-17"
    assert len(query.parameters) == 1, "a query is a value: more parameters make another one"


def test_airflow_renders_queries_within_gates():
    query = Query("SELECT '{{ word }}'", day="{{ day }}", parameters=[("run", "STRING", "{{ run }}")])
    gate = Gate(query, query.with_strings(gate="{{ word }}"))
    holder = Holder(task_id="check", query=query, gates=[gate])
    context = {"word": "w", "day": "2015-05-17", "run": "r", "dag": type("Dag", (), {"dag_id": "D"}), "task": holder}
    holder.render_template_fields(context)
    assert isinstance(holder.query, Query)
    assert (holder.query.sql, holder.query.day) == ("SELECT 'w'", "2015-05-17")
    assert holder.query.labels["airflow-dag"] == "d"
    (rendered,) = holder.gates
    assert rendered.checks.parameters[0] == ("run", "STRING", "r")
    assert [value for _, _, value in rendered.record.parameters] == ["r", "w"]


def test_the_log_says_what_a_query_is_about_in_the_words_of_its_comment():
    assert Query("\n-- Builds `days`\n-- from what has landed: all of it.\nSELECT 1", day="x").about == (
        "Builds `days` from what has landed"
    )
    assert Query("SELECT 1 -- not this", day="x").about is None
