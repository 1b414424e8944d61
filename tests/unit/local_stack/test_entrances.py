"""Clients that are sent through a proxy, while servers listen and are asked where they are."""

from pathlib import Path

import pytest

from local_stack.config import PORTS, StackConfig, StackError, read_config
from local_stack.environment import client_environment, component_environment
from local_stack.postgres import sqlalchemy_url
from local_stack.supervisor.components import stack_components

BEHIND = {name: 20_000 + number for number, name in enumerate(PORTS)}


def through_proxies(tmp_path: Path) -> StackConfig:
    return StackConfig(tmp_path, {name: port.default for name, port in PORTS.items()}, entrances=BEHIND)


def test_clients_use_the_entrances_and_servers_their_ports(tmp_path: Path) -> None:
    config = through_proxies(tmp_path)
    environment = client_environment(config)
    hosts = {name: value for name, value in environment.items() if name.endswith(("_HOST", "_GRPC_HOST"))}
    assert hosts == {
        "STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{BEHIND['storage']}",
        "BIGQUERY_EMULATOR_HOST": f"http://127.0.0.1:{BEHIND['bigquery']}",
        "BIGQUERY_EMULATOR_GRPC_HOST": f"127.0.0.1:{BEHIND['bigquery_grpc']}",
        "PUBSUB_EMULATOR_HOST": f"127.0.0.1:{BEHIND['pubsub']}",
        "DATAFLOW_EMULATOR_HOST": f"http://127.0.0.1:{BEHIND['dataflow']}",
        "DATAFLOW_EMULATOR_GRPC_HOST": f"127.0.0.1:{BEHIND['dataflow_grpc']}",
    }
    assert f"@127.0.0.1:{BEHIND['postgres']}/" in sqlalchemy_url(config)
    commands = {component.name: component.argv for component in stack_components(config, airflow=True)}
    for name in ("storage", "bigquery", "pubsub", "dataflow"):
        argv = commands[name]
        assert argv[argv.index("--port") + 1] == str(PORTS[name].default)
    assert f"127.0.0.1:{BEHIND['pubsub']}" in commands["storage"]
    assert f"http://127.0.0.1:{BEHIND['storage']}" in commands["bigquery"]


def test_the_supervisor_reads_the_entrances_it_was_given(tmp_path: Path) -> None:
    config = through_proxies(tmp_path)
    read = read_config(component_environment(config))
    assert (read.entrances, read.pubsub_host, read.other_pubsub) == (BEHIND, config.pubsub_host, "")


@pytest.mark.parametrize("given", ["storage", "storage=x", "nowhere=1", "storage=1,pubsub=2"])
def test_says_how_to_write_entrances(given: str) -> None:
    with pytest.raises(StackError, match=r"^LOGLINE_ENTRANCES has \S+: write NAME=PORT, the names are airflow, "):
        read_config({"LOGLINE_ENTRANCES": given})
