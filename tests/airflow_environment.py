"""Airflow's environment for tests in this process, set when this is imported: Airflow reads it when first imported."""

import os
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
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
