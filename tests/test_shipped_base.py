"""The base that comes with autopipe: what it holds, and that it leaves a table itself out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.random import default_rng
from sklearn.datasets import load_breast_cancer, load_diabetes

from autopipe import AutoClassifier
from autopipe.datasets import knowledge, knowledge_file
from autopipe.datasets.fingerprint import fingerprint
from autopipe.datasets.knowledge import ITSELF, Knowledge, suiting
from autopipe.datasets.portfolio import Situation
from autopipe.datasets.synthetic import toy_table
from autopipe.evolution.grammar import Grammar
from autopipe.intake.coding import Coding
from autopipe.operators.catalogue import catalogue
from autopipe.task import TaskKind

BASE = Path(knowledge.__file__).with_name("knowledge.sqlite")


@pytest.fixture
def base(monkeypatch):
    """The shipped base, which other tests do without."""
    monkeypatch.setattr(knowledge, "SHIPPED", BASE)
    return knowledge_file.read(BASE)


def test_it_holds_many_trees_of_many_data_sets(base):
    assert len(base) >= 40
    assert sum(len(one.complete) for one in base) >= 4_000
    assert {one.kind for one in base} == set(TaskKind)
    assert BASE.stat().st_size < 5e6


def test_it_says_how_it_was_made():
    notes = knowledge_file.facts(BASE)
    assert notes["command"].startswith("autopipe learn ") and notes["seed"].isdigit()
    assert {"version of autopipe", "version of scikit-learn"} <= set(notes)


@pytest.mark.parametrize("kind", TaskKind)
def test_its_trees_are_those_of_todays_grammar(base, kind):
    table, target = toy_table(kind, rows=300, seed=7)
    situation = Situation.of(table, target, 5, float("inf"), lambda tree: 1.0)
    grammar = Grammar(catalogue().values(), table.schema, kind)
    tried = {result.tree for one in base if one.kind is kind for result in one.complete}
    known = suiting(base, situation, grammar.completed)
    assert len(known) >= 50
    assert len(tried & set(known)) >= 0.5 * len(known)  # others are adapted to the columns


@pytest.mark.parametrize(
    ("load", "name"), [(load_breast_cancer, "breast_cancer"), (load_diabetes, "diabetes")]
)
def test_half_of_a_known_data_set_is_found_and_left_out(base, load, name):
    X, _ = load(return_X_y=True, as_frame=True)
    half = X.iloc[np.sort(default_rng(0).permutation(len(X))[: len(X) // 2])]
    part = fingerprint(Coding.learn(half).encode(half))
    left = {one.name for one in Knowledge(exclude=[ITSELF]).experiences(part, own=False)}
    assert {one.name for one in base} - left == {name}


def test_a_fit_goes_on_with_its_trees_after_the_built_in_list(base):
    rng = default_rng(0)
    X = pd.DataFrame(rng.normal(size=(200, 3)), columns=list("abc"))
    y = X["a"] + rng.normal(size=200) > 0

    def trees(**given):
        model = AutoClassifier(
            **given, max_trials=45, include=["linear"], cv=2, random_state=0, verbose=0,
            executor="inline",
        )  # fmt: skip
        return model.fit(X, y).history_.query("source == 'portfolio'").tree.tolist()

    alone, known = trees(knowledge=None), trees()
    assert known[: len(alone)] == alone and len(known) > len(alone)
