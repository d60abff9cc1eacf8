"""What is known meets a run: its first trees, and what it leaves to later ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from experiences import OTHER, STRONG, TWIN, WEAK, made_up

from autopipe import AutoRegressor, Knowledge
from autopipe.datasets import knowledge, knowledge_file
from autopipe.datasets.synthetic import toy_table
from autopipe.errors import OptionError
from autopipe.learning.remembering import knowledge_named, remember
from autopipe.metrics import metric_for
from autopipe.task import TaskKind
from autopipe.tree import parse
from autopipe.trial import Source, Status, Trial

UNUSUAL = "ridge(standard_scaling(impute(codes(table))), alpha=77.0)"
QUICK = {
    "max_trials": 2, "include": ["linear"], "executor": "inline", "cv": 2, "verbose": 0,
}  # fmt: skip


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    path = tmp_path / "shipped.sqlite"
    weak = made_up(trees=(WEAK,))
    unusual = replace(weak, results=(replace(weak.results[0], tree=UNUSUAL),))
    knowledge_file.add(path, [replace(unusual, name=f"toys{count}") for count in range(10)])
    monkeypatch.setattr(knowledge, "SHIPPED", path)
    monkeypatch.setenv("AUTOPIPE_HOME", str(tmp_path / "home"))


def trees_of_a_fit(known) -> list[str]:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(60, 2)), columns=["a", "b"])
    few = {**QUICK, "max_trials": 4}  # the built-in list has two
    model = AutoRegressor(**few, knowledge=known, random_state=0).fit(X, X.a + X.b)
    return model.history_["tree"].tolist()


def test_a_run_tries_what_paid_elsewhere_unless_it_is_told_not_to(shipped):
    assert any("alpha=77.0" in tree for tree in trees_of_a_fit("auto"))
    assert not any("alpha=77.0" in tree for tree in trees_of_a_fit(None))
    assert not any("alpha=77.0" in tree for tree in trees_of_a_fit(Knowledge(exclude="toys3")))


@pytest.mark.parametrize("wrong", ["none", 3, ["adult"]])
def test_anything_else_is_refused(wrong):
    with pytest.raises(OptionError, match="knowledge="):
        knowledge_named(wrong)


def trial(number, tree, **changes) -> Trial:
    done = Trial(
        number, parse(tree), Source.RANDOM, Status.COMPLETE, score=-1.0, fold_scores=(-1.0,)
    )
    return replace(done, **changes)


@pytest.mark.parametrize(
    ("limit", "is_kept"), [({"time_budget": 60}, True), ({"max_trials": 1}, False)]
)
def test_a_run_by_the_clock_is_kept_and_one_by_trials_is_not(
    shipped, monkeypatch, limit, is_kept
):
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(200, 2)), columns=["a", "b"])
    ends = {"callbacks": [lambda trial: trial.is_complete]}
    AutoRegressor(**{**QUICK, "max_trials": None, **ends, **limit}).fit(X, X.a + X.b)
    assert knowledge.own_path().exists() == is_kept


def test_only_whole_trials_of_known_operators_are_kept(shipped, monkeypatch):
    trials = [
        trial(0, STRONG),
        trial(1, TWIN, is_truncated=True),
        trial(2, OTHER, train_share=0.5),
        trial(3, WEAK, source=Source.STACK),
        trial(4, "my_learner(codes(table))"),
        trial(5, OTHER),
    ]
    table, target = toy_table(TaskKind.REGRESSION, rows=300)
    rows = np.arange(0, 300, 2)
    predictions = np.random.default_rng(0).random((6, len(rows), 1))
    metric = metric_for(None, TaskKind.REGRESSION, None)
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    remember(Knowledge(), metric, table, target, trials, range(6), rows, predictions)
    (one,) = knowledge_file.read(knowledge.own_path())
    assert [result.tree for result in one.results] == [STRONG, OTHER]
