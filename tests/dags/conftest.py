"""One DagBag for all DAG tests. Airflow reads its environment when first imported: it is set here, before that."""

import os
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOME = tempfile.TemporaryDirectory(prefix="logline-airflow-")
os.environ.update(
    {
        "AIRFLOW_HOME": HOME.name,
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        # The first file imports Google's operators: seconds on a quiet machine.
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "300",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "True",
        "GOOGLE_CLOUD_PROJECT": "logline-local",
        "LOGLINE_BUCKET": "logline-local",
        "LOGLINE_MAX_BYTES_BILLED": "1000000000000",
    }
)


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
