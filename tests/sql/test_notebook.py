"""The notebooks run from their first cell to their last, against the emulator."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

pytestmark = pytest.mark.integration

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


LATER = "2026-12-20"


@pytest.fixture
def later_day(generated_days, emulators) -> Iterator[None]:
    """A day long after the others, as after `make demo`, whose stream brings requests of today."""
    tables = [f"{generated_days.warehouse.dataset}.{name}" for name in ("daily_summary", "hourly_traffic", "requests")]
    with emulators.bigquery() as client:
        client.query_and_wait(
            f"INSERT INTO {tables[0]} (log_date, requests, bots, bytes, unique_visitors, client_errors, server_errors, "
            f"client_error_rate, server_error_rate) VALUES ('{LATER}', 1, 0, 5, 1, 0, 0, 0.0, 0.0)"
        )
        client.query_and_wait(
            f"INSERT INTO {tables[1]} (log_date, hour, requests, bots, bytes, unique_visitors, errors) "
            f"VALUES ('{LATER}', '{LATER} 10:00:00+00', 1, 0, 5, 1, 0)"
        )
        client.query_and_wait(
            f"INSERT INTO {tables[2]} (log_date, timestamp, event_id, source, source_uri, ingested_at, status) VALUES "
            f"('{LATER}', '{LATER} 10:00:00+00', 'later', 'stream', 's', '{LATER} 10:00:01+00', 404)"
        )
        yield
        for table in tables:
            client.query_and_wait(f"DELETE FROM {table} WHERE log_date = '{LATER}'")


def executed(name: str, dataset: str, checks: str, emulators, monkeypatch, tmp_path) -> list[nbformat.NotebookNode]:
    """The outputs of a notebook, a last cell of checks added to it."""
    for variable, value in {**emulators.env, "LOGLINE_DATASET": dataset}.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    import_module("matplotlib.font_manager")  # makes its cache, of which the notebook would tell if it takes long
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    assert not [cell for cell in notebook.cells if cell.get("outputs")], "committed without its outputs"
    notebook.cells.append(nbformat.v4.new_code_cell(checks))
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.output_type in ("stream", "error")], "no warnings"
    assert "Empty DataFrame" not in "".join(output["data"]["text/plain"] for output in outputs)
    return outputs


def plots(outputs: list[nbformat.NotebookNode]) -> int:
    return sum("image/png" in output.get("data", {}) for output in outputs)


@pytest.mark.usefixtures("later_day")
def test_traffic_draws_the_last_days_there_are(generated_days, emulators, monkeypatch, tmp_path):
    frames = "summary, hours, paths, hosts, statuses, browsers, sessions"
    checks = (
        f"assert all(len(frame) for frame in ({frames})), 'nothing to draw'\n"
        "assert (hours['visitors'] > 0).mean() > 0.5, 'blank for the most part'\n"
        f"assert str(hours.index[-1].date()) == '{LATER}'"
    )
    outputs = executed("traffic", generated_days.warehouse.dataset, checks, emulators, monkeypatch, tmp_path)
    assert plots(outputs) == 4
    assert "2026-11-02" in "".join(output["data"]["text/plain"] for output in outputs)


def test_agents_says_who_they_are_and_what_they_take(site_days, emulators, monkeypatch, tmp_path):
    checks = (
        "assert all(len(frame) for frame in (kinds, others, ai, robots, takers)), 'nothing to show'\n"
        "assert abs(kinds['% of requests'].sum() - 100) < 1 and (robots['of_robots_txt'] > 0).any()"
    )
    outputs = executed("agents", site_days.warehouse.dataset, checks, emulators, monkeypatch, tmp_path)
    assert plots(outputs) == 3
