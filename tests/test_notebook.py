"""A notebook that is executed: what a user of Jupyter sees below a cell."""

from __future__ import annotations

import json
import sys
import threading

import pytest

from autopipe.reports import notebook

CELL = """
import numpy as np
import pandas as pd
from autopipe import AutoClassifier

rng = np.random.default_rng(0)
X = pd.DataFrame(rng.normal(size=(200, 4)), columns=list("abcd"))
y = np.where(X["a"] + X["b"] * X["c"] > 0, "yes", "no")
include = ["linear", "forests"]
model = AutoClassifier(max_trials=2, n_jobs=2, cv=2, random_state=0, include=include)
model.fit(X, y)
"""


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """The outputs of the cells of a notebook, in order."""
    import nbclient
    import nbformat

    folder = tmp_path_factory.mktemp("notebook")
    kernels = folder / "kernels" / "ours"
    kernels.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (kernels / "kernel.json").write_text(
        json.dumps({"argv": command, "display_name": "ours", "language": "python"})
    )
    cells = [CELL, "model.set_params(verbose=0).fit(X, y).score_ > 0.5", "AutoClassifier()"]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("JUPYTER_PATH", str(folder))
        patched.setenv("IPYTHONDIR", str(folder / "ipython"))
        nbclient.NotebookClient(book, timeout=120, kernel_name="ours").execute(cwd=str(folder))
    return [cell.outputs for cell in book.cells]


def test_a_fit_in_a_notebook_needs_no_guard_and_writes_nothing_to_stderr(outputs):
    assert [
        output for cell in outputs for output in cell if output.output_type == "stream"
    ] == []


def test_one_line_below_the_cell_tells_how_the_fit_went(outputs):
    (line,) = (output for output in outputs[0] if output.output_type == "display_data")
    assert line.data["text/plain"].startswith("autopipe  2 trials · ")
    assert "roc_auc" in line.data["text/plain"] and "ensemble" in line.data["text/plain"]
    assert line.data["text/html"].startswith("<pre>autopipe  2 trials")


def test_a_fitted_model_is_shown_on_a_card(outputs):
    (card,) = (output for output in outputs[0] if output.output_type == "execute_result")
    assert "2 pipelines tried, 2 complete" in card.data["text/html"]


def test_a_silent_fit_shows_its_result_alone(outputs):
    (result,) = outputs[1]
    assert result.data["text/plain"] == "True"


def test_a_model_that_was_not_fitted_is_shown_as_scikit_learn_shows_it(outputs):
    (shown,) = outputs[2]
    assert "sk-estimator" in shown.data["text/html"]


class Display:
    """Stands where IPython's display module does, and keeps what it is given."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.threads: set[int] = set()
        self.was_updated = threading.Event()

    def display(self, bundle, raw, display_id):
        self.update(bundle, raw)
        self.was_updated.clear()
        return self

    def update(self, bundle, raw):
        self.shown.append(bundle["text/plain"])
        self.threads.add(threading.get_ident())
        self.was_updated.set()


def test_the_line_is_written_anew_when_it_changes_and_for_the_last_time_at_the_end(
    monkeypatch,
):
    display = Display()
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    words = ["one"]
    line = notebook.NotebookLine(lambda: words[0], seconds=0.001)
    line.start()
    words[0] = "two"
    assert display.was_updated.wait(10)
    words[0] = "three"
    line.stop()
    assert display.shown == ["one", "two", "three"]


def test_a_line_is_escaped():
    assert notebook._bundle("<b>")["text/html"] == "<pre>&lt;b&gt;</pre>"


def test_a_plain_interpreter_is_no_notebook():
    assert not notebook.is_notebook()
