"""The same seed, table and number of trials give the same run, wherever and however it runs."""

from __future__ import annotations

import random

import numpy as np
import pytest
from counted_runs import account, fitted, in_a_process

TRIALS = 16  # beyond the portfolio and the lag, so that offspring have learned from others


@pytest.fixture(scope="module")
def undisturbed():
    return account(fitted(TRIALS))


def test_the_run_has_offspring_and_an_ensemble(undisturbed):
    assert any(parents for _, _, _, parents, *_ in undisturbed["trials"])
    assert len(undisturbed["weights"]) > 1


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_workers_in_a_fresh_process_make_no_difference(undisturbed, tmp_path, workers):
    assert in_a_process(tmp_path, TRIALS, workers) == undisturbed


@pytest.mark.slow
def test_neither_do_they_where_all_learners_are_tried(tmp_path):
    alone = in_a_process(tmp_path / "alone", 30, 1, learners="all")
    assert in_a_process(tmp_path / "crowd", 30, 4, learners="all") == alone


@pytest.mark.parametrize(
    ("workers", "deaths"),
    [
        (4, [9]),
        pytest.param(0, [0, 5, 14], marks=pytest.mark.slow),
        pytest.param(4, [3, 7, 15], marks=pytest.mark.slow),
    ],
)
def test_a_run_that_is_killed_and_resumed_is_as_if_it_had_not_been(
    undisturbed, tmp_path, workers, deaths
):
    for death in deaths:
        in_a_process(tmp_path, TRIALS, workers, death)
    assert account(fitted(TRIALS, path=tmp_path)) == undisturbed


def test_the_random_state_of_the_user_is_left_alone():
    random.seed(5)
    np.random.seed(5)
    before = random.getstate(), np.random.get_state()[1].tolist()
    fitted(2)
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before
