"""The notebook runs from its first cell to its last, against the emulator."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

pytestmark = pytest.mark.integration

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "traffic.ipynb"


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


@pytest.mark.usefixtures("later_day")
def test_the_notebook_draws_its_plots(generated_days, emulators, monkeypatch, tmp_path):
    for name, value in {**emulators.env, "LOGLINE_DATASET": generated_days.warehouse.dataset}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    import_module("matplotlib.font_manager")  # makes its cache, of which the notebook would tell if it takes long
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not [cell for cell in notebook.cells if cell.get("outputs")], "committed without its outputs"
    frames = "summary, hours, paths, hosts, statuses, browsers, sessions"
    notebook.cells.append(
        nbformat.v4.new_code_cell(
            f"assert all(len(frame) for frame in ({frames})), 'nothing to draw'\n"
            "assert (hours['visitors'] > 0).mean() > 0.5, 'blank for the most part'\n"
            f"assert str(hours.index[-1].date()) == '{LATER}'"
        )
    )
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.output_type in ("stream", "error")], "no warnings"
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 4
    shown = "".join(output["data"]["text/plain"] for output in outputs)
    assert "2026-11-02" in shown
    assert "Empty DataFrame" not in shown
