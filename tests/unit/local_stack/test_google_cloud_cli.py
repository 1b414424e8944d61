"""What `make env` tells the Google Cloud CLI."""

import configparser
from pathlib import Path

from local_stack.config import PORTS, StackConfig
from local_stack.environment import client_environment

CONFIG = {name: port.default for name, port in PORTS.items()}


def test_the_cli_uses_nothing_of_the_users(tmp_path: Path) -> None:
    environment = client_environment(StackConfig(state_dir=tmp_path, ports=CONFIG))
    for name in ("CLOUDSDK_CONFIG", "BOTO_CONFIG", "BIGQUERYRC", "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE"):
        assert Path(environment[name]).is_relative_to(tmp_path), name
    for name in ("BIGQUERY", "DATAFLOW", "STORAGE"):
        assert environment[f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{name}"].startswith("http://127.0.0.1:"), name


def test_its_files_can_be_read(tmp_path: Path) -> None:
    environment = client_environment(StackConfig(state_dir=tmp_path, ports=CONFIG))
    boto = configparser.ConfigParser()
    boto.read(environment["BOTO_CONFIG"])
    assert boto["GSUtil"].getboolean("use_gcloud_storage")
    assert "use_legacy_sql = false" in Path(environment["BIGQUERYRC"]).read_text().partition("[query]")[2]
