"""What a trial adds to an ensemble: more than noise, or nothing."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import make_scorer

from autopipe.evolution.gain import Gains
from autopipe.folds import Folds
from autopipe.metrics import metric_for
from autopipe.task import Target, TaskKind

ROWS = 1_000
RNG = np.random.default_rng(0)
SIGNALS = RNG.normal(size=(ROWS, 3))
Y = SIGNALS.sum(axis=1)
TARGET = Target(TaskKind.REGRESSION, Y, 0)
HALVES = np.array_split(np.arange(ROWS), 2)
FOLDS = Folds(((HALVES[0], HALVES[1]), (HALVES[1], HALVES[0])), ROWS)
TRIALS = {
    0: SIGNALS[:, 0] * 3,  # each knows another third of the truth
    1: SIGNALS[:, 1] * 3,
    2: SIGNALS[:, 0] * 3 + RNG.normal(0, 0.1, ROWS),  # as the first, a little worse
    3: RNG.normal(0, 9, ROWS),  # knows nothing
}


def gains(target=TARGET, scoring=None, trials=TRIALS, **more):
    classes = np.arange(target.n_classes) if target.is_classification else None
    metric = metric_for(scoring, target.kind, classes)
    outputs = {n: np.asarray(p, np.float32).reshape(ROWS, -1) for n, p in trials.items()}
    return Gains(target, FOLDS, metric, outputs.get, **more)


def test_the_first_trial_gains_what_it_beats_the_prior_by():
    known = gains()
    assert known.enter(2) < 0  # three times too far from the mean
    shares = gains(trials={0: SIGNALS[:, 0]})
    expected = np.std(Y) - np.std(Y - SIGNALS[:, 0])
    assert shares.enter(0) == pytest.approx(expected, rel=0.02)


def test_what_knows_something_else_gains_and_what_knows_nothing_does_harm():
    known = gains()
    known.enter(0)
    known.chosen([0])
    assert known.enter(1) > 0
    assert known.enter(3) < 0


def test_what_is_known_already_gains_nothing():
    known = gains()
    known.enter(0)
    known.enter(1)
    assert min(known.chosen([0, 1]).values()) > 0
    assert known.enter(2) <= 0.0


def test_the_gain_of_a_member_is_the_score_with_it_less_that_without_it():
    known = gains()
    for number in (0, 1):
        known.enter(number)
    both = np.std(Y - (TRIALS[0] + TRIALS[1]) / 2)
    gained = known.chosen([0, 1])
    assert gained[0] == pytest.approx(np.std(Y - TRIALS[1]) - both, rel=0.02)
    assert gained[1] == pytest.approx(np.std(Y - TRIALS[0]) - both, rel=0.02)


def test_a_gain_within_the_noise_is_zero_but_for_one_in_twenty_or_so():
    rng = np.random.default_rng(0)
    trials = {0: Y / 2, **{n: Y / 2 + rng.normal(0, 1e-3, ROWS) for n in range(1, 101)}}
    known = gains(trials=trials)
    known.enter(0)
    known.chosen([0])
    assert sum(known.enter(number) > 0 for number in range(1, 101)) < 10


def test_gains_of_the_same_trials_are_the_same_whatever_came_between():
    short, long = gains(), gains()
    for number in (0, 1):
        short.enter(number)
    for number in (1, 3, 0, 2):
        long.enter(number)
        long.chosen([0, 1, 2, 3])
    assert short.chosen([0, 1]) == long.chosen([0, 1])


def test_a_trial_whose_predictions_are_gone_gains_nothing():
    known = gains()
    assert known.enter(77) is None
    assert known.chosen([77]) == {77: 0.0}
    known.enter(0)
    assert known.chosen([77, 0])[77] == 0.0


@pytest.mark.parametrize("scoring", [None, "neg_log_loss", "accuracy", "f1"])
def test_any_metric_of_two_classes_tells_help_from_harm(scoring):
    y = (Y > 0).astype(np.int32)

    def shares(logits):
        positive = 1 / (1 + np.exp(-logits))
        return np.column_stack([1 - positive, positive])

    trials = {0: shares(SIGNALS[:, 0]), 1: shares(2 * Y), 3: shares(-Y)}
    known = gains(Target(TaskKind.BINARY, y, 2), scoring, trials)
    known.enter(0)
    known.chosen([0])
    assert known.enter(1) > 0
    assert known.enter(3) < 0


def precision(y, predicted):
    found = [truth for truth, said in zip(y, predicted, strict=True) if said == 1]
    return sum(found) / len(found)


@pytest.mark.parametrize("scoring", ["average_precision", make_scorer(precision)])
def test_blocks_that_a_scorer_cannot_score_are_left_out(scoring):
    y = np.zeros(ROWS, np.int32)
    y[:8] = 1  # fewer than there are blocks
    trials = {0: np.column_stack([1 - y, y]).astype(float)}
    known = gains(Target(TaskKind.BINARY, y, 2), scoring, trials)
    assert np.isfinite(known.enter(0))


def test_choosing_takes_a_small_share_of_the_time_and_what_is_not_due_changes_nothing():
    class Watch:
        """Each look at it is a second later."""

        seconds = 0.0

        def __call__(self):
            self.seconds += 1.0
            return self.seconds

    watch = Watch()
    known = gains(now=watch)
    known.enter(0)
    assert known.chosen([0]).keys() == {0}
    known.enter(1)
    assert known.chosen([0, 1]) == {}
    watch.seconds += 50.0
    assert known.chosen([0, 1]).keys() == {0, 1}
