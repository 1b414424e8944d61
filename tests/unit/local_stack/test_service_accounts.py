"""Who calls as whom in a stack: Airflow as its service account, everybody else as the stack's user."""

import json
import stat
from pathlib import Path

import pytest

from emulators.guard.iam import Access, Policy
from local_stack.config import PORTS, StackConfig
from local_stack.environment import component_environment
from local_stack.service_accounts import AIRFLOW, BATCH, STREAM, account_token, email, policy, write_policy
from local_stack.supervisor.components import airflow_components, emulator_components


@pytest.fixture
def config(tmp_path: Path) -> StackConfig:
    return StackConfig(state_dir=tmp_path, ports={name: port.default for name, port in PORTS.items()})


def test_the_policy_is_one_and_its_accounts_are_known_by_their_tokens(config: StackConfig) -> None:
    write_policy(config)
    assert len(Policy.from_json(policy(config)).bindings) > 20
    access = Access(config.policy_file)
    assert access.caller(f"Bearer {account_token(config, AIRFLOW)}").account == email(config, AIRFLOW)
    write_policy(config)
    assert access.caller(f"Bearer {account_token(config, AIRFLOW)}").account == email(config, AIRFLOW)


def test_airflow_has_the_credentials_of_its_account_and_names_those_of_jobs(config: StackConfig) -> None:
    environment = component_environment(config, {}, AIRFLOW)
    credentials = environment["GOOGLE_APPLICATION_CREDENTIALS"]
    connection = json.loads(environment["AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT"])
    assert connection["extra"]["credential_config_file"] == credentials
    assert json.loads(Path(credentials).read_text())["token"] == account_token(config, AIRFLOW)
    assert environment["LOGLINE_SERVICE_ACCOUNT"] == email(config, BATCH)
    assert environment["LOGLINE_STREAM_SERVICE_ACCOUNT"] == email(config, STREAM)


def test_nobody_else_has(config: StackConfig) -> None:
    environment = component_environment(config, {})
    token = json.loads(Path(environment["GOOGLE_APPLICATION_CREDENTIALS"]).read_text())["token"]
    assert token == environment["DATAFLOW_EMULATOR_TOKEN"]
    assert token not in policy(config)["accounts"].values()
    assert "LOGLINE_SERVICE_ACCOUNT" not in environment


def test_only_airflow_runs_as_an_account(config: StackConfig) -> None:
    assert {one.account for one in airflow_components(config) if "airflow" in one.argv} == {AIRFLOW}
    assert {one.account for one in emulator_components(config)} == {""}
    assert all("--policy" in one.argv for one in emulator_components(config))


def test_tokens_are_for_their_owner_alone(config: StackConfig) -> None:
    write_policy(config)
    component_environment(config, {}, AIRFLOW)
    files = [config.policy_file, *(config.state_dir / "service-accounts").iterdir()]
    assert len(files) > 5
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
