"""The notebook runs from its first cell to its last, against the emulator."""

from importlib import import_module
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

pytestmark = pytest.mark.integration

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "traffic.ipynb"


def test_the_notebook_draws_its_plots(generated_days, emulators, monkeypatch, tmp_path):
    for name, value in {**emulators.env, "LOGLINE_DATASET": generated_days.warehouse.dataset}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    import_module("matplotlib.font_manager")  # makes its cache, of which the notebook would tell if it takes long
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not [cell for cell in notebook.cells if cell.get("outputs")], "committed without its outputs"
    frames = "summary, hours, paths, hosts, statuses, browsers, sessions"
    counted = nbformat.v4.new_code_cell(f"assert all(len(frame) for frame in ({frames})), 'nothing to draw'")
    notebook.cells.append(counted)
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.output_type in ("stream", "error")], "no warnings"
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 4
    shown = "".join(output["data"]["text/plain"] for output in outputs)
    assert "2026-11-02" in shown
    assert "Empty DataFrame" not in shown
