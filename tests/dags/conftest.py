"""One DagBag for all DAG tests."""

import pytest

from tests.airflow_environment import ROOT


@pytest.fixture(scope="session")
def dag_bag():
    """Every DAG of the DAGs folder, parsed once."""
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(ROOT / "dags")


@pytest.fixture(scope="session")
def dags(dag_bag):
    """The DAGs by id; a file that cannot be imported fails every test."""
    assert dag_bag.import_errors == {}
    return dag_bag.dags
