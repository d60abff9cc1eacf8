"""Fits in the ways that users start them: scripts, pipes, threads, with code of their own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PATIENCE = 120.0  # s; for machines that are busy

# Nothing is behind a guard: a worker that ran the script again would print twice.
FIT = """
import numpy as np
import pandas as pd
from autopipe import AutoClassifier
print("the script runs")
rng = np.random.default_rng(0)
X = pd.DataFrame(rng.normal(size=(80, 3)), columns=list("abc"))
y = np.where(X.a > 0, "yes", "no")
"""
PLAIN = """
model = AutoClassifier(max_trials=1, cv=2, include=["logistic"], random_state=0).fit(X, y)
print(model.history_.status.tolist(), model.predict(X.head(1)).shape)
"""
OF_ONES_OWN = """
from autopipe import learner

class NearestMean:
    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.means = np.stack([X[y == k].mean(axis=0) for k in self.classes_])

    def predict_proba(self, X):
        near = np.exp(-((X[:, None] - self.means) ** 2).mean(axis=2))
        return near / near.sum(axis=1, keepdims=True)

def accuracy(estimator, X, y):
    return float((estimator.predict(X) == y).mean())

def fit(scoring):
    mine = learner(NearestMean)
    model = AutoClassifier(
        max_trials=1, cv=2, include=[mine], scoring=scoring, random_state=0
    ).fit(X, y)
    print(model.history_.status.tolist(), model.history_.tree[0].split("(")[0])

import threading
for scoring in (accuracy, lambda estimator, X, y: accuracy(estimator, X, y)):
    thread = threading.Thread(target=fit, args=(scoring,))
    thread.start()
    thread.join()
"""
ONE_FIT = "the script runs\n['complete'] (1,)\n"


def run(*words, script=None, folder=None):
    """What a Python that is started with these words prints."""
    done = subprocess.run(
        [sys.executable, *words],
        input=script,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env={**os.environ, "PYTHONSAFEPATH": ""},
    )
    assert done.stderr == ""
    return done.stdout


def test_a_script_may_have_an_operator_and_a_metric_of_its_own_and_fit_in_a_thread(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    path = tmp_path / "script.py"
    path.write_text(FIT + OF_ONES_OWN)
    printed = run("../script.py", folder=tmp_path / "elsewhere")
    assert printed == "the script runs\n" + 2 * "['complete'] nearest_mean\n"


@pytest.mark.slow
def test_a_script_may_come_by_a_pipe():
    assert run("-", script=FIT + PLAIN) == ONE_FIT


@pytest.mark.slow
def test_a_script_may_be_an_argument():
    assert run("-c", FIT + PLAIN) == ONE_FIT


@pytest.mark.slow
def test_a_script_may_be_run_as_a_module(tmp_path):
    (tmp_path / "script.py").write_text(FIT + PLAIN)
    assert run("-m", "script", folder=tmp_path) == ONE_FIT


@pytest.mark.slow
def test_an_operator_may_come_from_a_module_beside_the_script(tmp_path):
    module, _, rest = OF_ONES_OWN.partition("def accuracy")
    (tmp_path / "mine.py").write_text("import numpy as np\n" + module)
    path = tmp_path / "script.py"
    path.write_text(FIT + "from mine import *\ndef accuracy" + rest)
    printed = run(str(path))
    assert printed == "the script runs\n" + 2 * "['complete'] nearest_mean\n"
