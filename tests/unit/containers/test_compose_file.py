"""docker-compose.yaml, the secrets it asks for, and what its services make of their environment."""

import importlib.util
import json
import re
import stat
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from emulators.guard.authorized_user import authorized_user
from tools import make_secrets

ROOT = Path(__file__).parents[3]
COMPOSE = ROOT / "docker-compose.yaml"
AIRFLOW = ("init", "api-server", "scheduler", "dag-processor", "triggerer")


def script(name: str) -> ModuleType:
    """A script of docker/, imported."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docker" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def services() -> dict[str, dict]:
    return yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]


@pytest.fixture
def entrypoint(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The entry point of Airflow's services, in the environment that the compose file gives them."""
    for name, value in {
        "COMPOSE_PROFILES": "emulators",
        "GOOGLE_CLOUD_PROJECT": "logline-local",
        "LOGLINE_BUCKET": "logline-local",
        "GOOGLE_APPLICATION_CREDENTIALS": "/dev/null",
        "STORAGE_EMULATOR_HOST": "http://storage:9023",
        "DATAFLOW_EMULATOR_TOKEN": "the token",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT": "",
        "LOGLINE_POLL_SECONDS": "",
    }.items():
        monkeypatch.setenv(name, value)
    return script("airflow_entrypoint")


def test_make_secrets_writes_what_the_compose_file_asks_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = set(re.findall(r"\$\{(\w+):\?", COMPOSE.read_text(encoding="utf-8")))
    path = tmp_path / ".env"
    assert make_secrets.main(path) == 0
    made = dict(line.split("=", 1) for line in path.read_text().splitlines())
    assert made.keys() == asked
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not [value for value in made.values() if len(value) > 9 and value in capsys.readouterr().out]


def test_make_secrets_keeps_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("# mine\nPOSTGRES_PASSWORD=kept\nLOGLINE_BUCKET=logs\nAIRFLOW_FERNET_KEY=\n")
    make_secrets.main(path)
    lines = path.read_text().splitlines()
    assert lines[:3] == ["# mine", "POSTGRES_PASSWORD=kept", "LOGLINE_BUCKET=logs"]
    assert len([line for line in lines if re.fullmatch(r"AIRFLOW_FERNET_KEY=\S{44}", line)]) == 1
    before = path.read_text()
    make_secrets.main(path)
    assert path.read_text() == before


def test_no_secret_has_a_default() -> None:
    secrets = make_secrets.generated().keys() - {"COMPOSE_PROFILES"}
    text = COMPOSE.read_text(encoding="utf-8")
    for name in secrets:
        assert set(re.findall(rf"\$\{{{name}([^}}]*)\}}", text)) == {":?run make secrets first"}, name


def test_airflows_services_share_one_environment(services: dict[str, dict]) -> None:
    first, *others = (dict(services[name]["environment"]) for name in AIRFLOW)
    for other in others:
        other.pop("LOGLINE_ADMIN_PASSWORD", None)
        assert other == first


def test_only_the_ui_has_a_port_and_on_loopback(services: dict[str, dict]) -> None:
    ports = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert list(ports) == ["api-server"]
    assert all(port.startswith("127.0.0.1:") for port in ports["api-server"])


def test_every_service_starts_again_and_tells_its_health(services: dict[str, dict]) -> None:
    for name, service in services.items():
        assert service["restart"] == ("on-failure" if name == "init" else "unless-stopped"), name
        assert ("healthcheck" in service) == (name not in ("init", "publisher")), name


def test_one_service_builds_an_image_that_several_run(services: dict[str, dict]) -> None:
    for profile in ({"emulators"}, {"gcp"}, {"gcp", "publisher"}):
        active = [one for one in services.values() if not one.get("profiles") or profile & {*one["profiles"]}]
        built = [one["image"] for one in active if "build" in one]
        assert sorted(built) == sorted({one["image"] for one in active if one["image"].startswith("logline-")})


def test_with_emulators_no_credentials_but_their_token_are_used(
    entrypoint: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    entrypoint.choose_cloud()
    assert "GOOGLE_APPLICATION_CREDENTIALS" not in entrypoint.os.environ
    extra = json.loads(entrypoint.os.environ["AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT"])["extra"]
    assert extra["credential_config_file"] == authorized_user("the token")
    monkeypatch.delenv("DATAFLOW_EMULATOR_TOKEN")
    with pytest.raises(entrypoint.StartError, match="DATAFLOW_EMULATOR_TOKEN is not set: run make secrets"):
        entrypoint.choose_cloud()


def test_no_service_gets_more_privileges_than_it_needs(services: dict[str, dict]) -> None:
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["read_only"] is True, name
        assert not service.get("privileged"), name
        assert "/tmp:mode=1777" in service["tmpfs"], name
        # The official image of PostgreSQL starts as root.
        added = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"] if name == "postgres" else None
        assert service.get("cap_add") == added, name


def test_the_token_is_for_airflow_and_the_emulator_that_asks_for_it(services: dict[str, dict]) -> None:
    holders = {name for name, service in services.items() if "DATAFLOW_EMULATOR_TOKEN" in service["environment"]}
    assert holders == {*AIRFLOW, "dataflow"}


def test_the_emulators_are_called_by_their_services_names(services: dict[str, dict]) -> None:
    for name in ("storage", "bigquery", "dataflow"):
        assert f"--allowed-host={name}" in services[name]["command"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "LOGLINE_PROJECT is not set"),
        ({"GOOGLE_CLOUD_PROJECT": "mine-1"}, "LOGLINE_BUCKET is not set"),
        ({"GOOGLE_CLOUD_PROJECT": "mine-1", "LOGLINE_BUCKET": "mine"}, "GOOGLE_APPLICATION_CREDENTIALS is not set"),
    ],
)
def test_your_own_project_has_to_be_named(
    entrypoint: ModuleType, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], said: str
) -> None:
    for name, value in {"COMPOSE_PROFILES": "gcp", **given}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(entrypoint.StartError, match=said):
        entrypoint.choose_cloud()


def test_in_your_own_project_nothing_is_emulated_and_nothing_starts_by_itself(
    entrypoint: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    credentials = tmp_path / "credentials.json"
    credentials.write_text("{}")
    given = {"COMPOSE_PROFILES": "gcp,publisher", "GOOGLE_CLOUD_PROJECT": "mine-1", "LOGLINE_BUCKET": "mine"}
    for name, value in {**given, "GOOGLE_APPLICATION_CREDENTIALS": str(credentials)}.items():
        monkeypatch.setenv(name, value)
    entrypoint.choose_cloud()
    environment = entrypoint.os.environ
    assert "STORAGE_EMULATOR_HOST" not in environment
    assert environment["AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION"] == "True"
    assert "DATAFLOW_EMULATOR_TOKEN" not in environment
    extra = json.loads(environment["AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT"])["extra"]
    assert extra == {"project": "mine-1"}
