"""How many fold models the members of an ensemble keep."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopipe.ensembles.bags import thinned
from autopipe.ensembles.predictor import Member


def members_of(weights, folds):
    """Members whose models are the numbers of their folds."""
    total = sum(weights)
    return [
        Member(number, weight / total, tuple(range(folds)))
        for number, weight in enumerate(weights)
    ]


WEIGHTS = st.lists(st.floats(0.01, 1.0), min_size=1, max_size=12)


@given(WEIGHTS, st.integers(1, 12))
def test_light_members_keep_fewer_models(weights, folds):
    members = members_of(weights, folds)
    kept = thinned(members)
    assert [one.number for one in kept] == [one.number for one in members]
    assert [one.weight for one in kept] == [one.weight for one in members]
    by_weight = sorted(kept, key=lambda one: one.weight)
    counts = [len(one.models) for one in by_weight]
    assert counts == sorted(counts)
    assert min(counts) >= min(2, folds)
    for one in kept:
        assert list(one.models) == sorted(set(one.models)) and set(one.models) <= set(
            range(folds)
        )
        if one.weight >= 0.25:
            assert len(one.models) == folds


@given(WEIGHTS, st.integers(1, 12))
def test_every_fold_is_kept_about_as_often(weights, folds):
    models = [model for one in thinned(members_of(weights, folds)) for model in one.models]
    counts = np.bincount(models, minlength=folds)
    assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize("ties", [[0.2] * 5, [0.1] * 10])
def test_the_order_of_the_members_changes_nothing(ties):
    members = members_of(ties, 8)
    kept = {one.number: one.models for one in thinned(members)}
    assert kept == {one.number: one.models for one in thinned(members[::-1])}
