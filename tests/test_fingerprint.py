"""A data set is told by a part of its rows, and from others."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets

from autopipe.datasets.fingerprint import SAME, fingerprint, similarity
from autopipe.datasets.synthetic import toy_table
from autopipe.intake.coding import Coding
from autopipe.task import TaskKind

TABLES = ("breast_cancer", "diabetes", "iris", "wine")


def frame_of(name) -> pd.DataFrame:
    return getattr(datasets, f"load_{name}")(as_frame=True).data


def print_of(frame) -> list[list[object]]:
    return fingerprint(Coding.learn(frame).encode(frame))


def halves(frame, seed=0) -> list[pd.DataFrame]:
    order = np.random.default_rng(seed).permutation(len(frame))
    return [frame.iloc[np.sort(part)] for part in np.array_split(order, 2)]


def people(rows=600, seed=0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": rng.integers(18, 90, size=rows),
            "income": np.exp(rng.normal(10.0, 1.0, size=rows)),
            "town": rng.choice(
                list("abcdefg"), size=rows, p=[0.4, 0.2, 0.1, 0.1, 0.1, 0.05, 0.05]
            ),
            "member": rng.random(rows) < 0.3,
            "year": rng.integers(2001, 2011, size=rows),
        }
    )


@pytest.mark.parametrize("name", TABLES)
def test_both_halves_of_a_table_are_taken_for_one_data_set(name):
    one, other = map(print_of, halves(frame_of(name)))
    assert similarity(one, other) >= SAME


def test_halves_with_categories_are_taken_for_one_data_set_whatever_the_order_of_columns():
    one, other = halves(people())
    assert similarity(print_of(one), print_of(other[other.columns[::-1]])) >= SAME


@pytest.mark.parametrize("name", TABLES)
def test_other_data_sets_are_told_apart(name):
    others = [print_of(frame_of(other)) for other in TABLES if other != name]
    others.append(print_of(people()))
    assert all(similarity(print_of(frame_of(name)), other) < SAME for other in others)


@pytest.mark.parametrize("kind", TaskKind)
def test_a_fingerprint_is_plain_and_most_like_itself(kind):
    table, _ = toy_table(kind, rows=200)
    printed = fingerprint(table)
    assert json.loads(json.dumps(printed)) == printed
    assert similarity(printed, printed) == 1.0


def test_no_name_and_no_category_is_kept():
    frame = people().assign(town=lambda each: "Freetown " + each["town"])
    assert "Freetown" not in json.dumps(print_of(frame))
    assert "income" not in json.dumps(print_of(frame))


def test_nothing_is_like_an_empty_fingerprint():
    assert similarity([], print_of(people())) == 0.0
