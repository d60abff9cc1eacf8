"""What a model tells of the columns it made for itself."""

import numpy as np
import pandas as pd
import pytest
from trees import full

from autopipe import AutoRegressor, load
from autopipe.trial import Proposal, Source

ROWS = 300
RNG = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {"income": RNG.uniform(1, 9, ROWS), "rooms": RNG.uniform(1, 9, ROWS), "x": RNG.random(ROWS)}
)
Y = FRAME.income / FRAME.rooms + 0.1 * RNG.normal(size=ROWS)


class These:
    """A search that proposes some trees, and then nothing more."""

    def __init__(self, *trees):
        self._left = [Proposal(i, full(tree), Source.INIT) for i, tree in enumerate(trees)]

    def ask(self):
        return self._left.pop(0) if self._left else None

    def tell(self, trial):
        return None


def fitted(*trees):
    return AutoRegressor(
        search=These(*trees), max_trials=len(trees), executor="inline", cv=2, verbose=0,
        random_state=0,
    ).fit(FRAME, Y)  # fmt: skip


@pytest.mark.parametrize("learner", ["lightgbm", "xgboost", "catboost"])
def test_a_feature_is_told_of_in_the_names_of_the_user(tmp_path, learner):
    tree = f"{learner}(codes(with_features(table, ratio(c0, c1), log(c2))))"
    model = fitted(tree.replace("))))", "))), learning_rate=0.1)"))
    told = model.features_.set_index("formula")
    assert list(told.index) == ["ratio(income, rooms)", "log(x)"]
    assert told.members.tolist() == [(0,), (0,)]
    assert told.models.tolist() == [pytest.approx(1.0)] * 2
    assert told.importance.iloc[0] > 0.5 > told.importance.iloc[1]
    model.save(tmp_path / "model")
    pd.testing.assert_frame_equal(load(tmp_path / "model").features_, model.features_)


def test_a_screen_finds_the_feature_that_was_planted():
    told = fitted("lightgbm(codes(synthesized(table)), learning_rate=0.1)").features_
    assert told.formula[0] in ("ratio(income, rooms)", "ratio(rooms, income)")


def test_a_feature_that_is_made_twice_is_told_of_once():
    below = "with_features(table, ratio(c0, c1))"
    tree = f"lightgbm(codes(synthesized({below})), learning_rate=0.1)"
    told = fitted(tree).features_.set_index("formula").loc["ratio(income, rooms)"]
    assert told.models == pytest.approx(1.0) and told.importance > 0.5


def test_a_model_without_features_tells_of_none():
    told = fitted("ridge(standard_scaling(impute(codes(table))))").features_
    assert list(told.columns) == ["formula", "members", "models", "importance"]
    assert not len(told)


def test_what_is_no_boosted_tree_cannot_say_what_a_feature_is_worth():
    tree = "ridge(standard_scaling(impute(codes(with_features(table, ratio(c0, c1))))))"
    told = fitted(tree).features_
    assert told.importance.isna().all() and told.models.tolist() == [pytest.approx(1.0)]
