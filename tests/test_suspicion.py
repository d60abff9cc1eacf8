import warnings

import numpy as np
import pandas as pd
import pytest

from autopipe.intake.coding import Coding
from autopipe.intake.labels import TargetCoding
from autopipe.intake.suspicion import warn_of_suspicions

RNG = np.random.default_rng(0)
NOISE = pd.DataFrame({"noise": RNG.normal(size=200), "more": RNG.normal(size=200)})
SOLD = (NOISE["noise"] + RNG.normal(size=200) > 0).map({True: "yes", False: "no"})


def warnings_of(frame, y, classify=True, is_grouped=False):
    coding, targets = Coding.learn(frame), TargetCoding.learn(y, classify)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        names = list(coding.columns)
        warn_of_suspicions(
            coding.encode(frame), targets.target(y), names, targets.classes, is_grouped
        )
    return [str(warning.message) for warning in caught]


def test_an_innocent_table_is_not_suspected():
    assert warnings_of(NOISE, SOLD) == []
    assert warnings_of(NOISE, NOISE["noise"] ** 2, classify=False) == []


@pytest.mark.parametrize(
    "leak",
    [
        SOLD.map({"yes": 1.5, "no": 0.5}) + NOISE["more"] / 100,
        SOLD.map({"yes": "gone", "no": "here"}),
        SOLD == "no",
        SOLD.map({"yes": None, "no": 1.0}),
    ],
    ids=["amount", "category", "boolean", "missing"],
)
def test_a_column_that_tells_the_class_is_suspected(leak):
    (message,) = warnings_of(NOISE.assign(told=leak), SOLD)
    assert "possible leak: 'told'" in message


def test_a_function_of_the_number_to_predict_is_suspected():
    y = NOISE["more"]
    (message,) = warnings_of(NOISE[["noise"]].assign(told=-np.exp(y)), y, classify=False)
    assert "possible leak: 'told'" in message


def test_one_of_many_classes_is_told_by_its_code():
    y = pd.Series(RNG.integers(0, 4, 200))
    (message,) = warnings_of(NOISE.assign(told=(y * 7) % 5, also=y * 1.0), y)
    assert "'told', 'also'" in message


def test_repeated_rows_are_counted_unless_they_are_grouped():
    frame = pd.concat([NOISE, NOISE[:20]], ignore_index=True)
    y = pd.concat([SOLD, SOLD[:20]], ignore_index=True)
    (message,) = warnings_of(frame, y)
    assert message.startswith("20 of 220 rows repeat another one")
    assert warnings_of(frame, y, is_grouped=True) == []


def test_rows_of_few_values_may_repeat():
    frame = pd.DataFrame({"a": RNG.integers(0, 3, 200), "b": RNG.integers(0, 3, 200)})
    assert warnings_of(frame, SOLD) == []


def test_rows_that_differ_in_their_texts_alone_do_not_repeat():
    texts = [f"it was said {'very ' * (place % 7)}{place} times" for place in range(200)]
    frame = pd.DataFrame({"x": np.arange(200) // 2 + 0.5, "said": texts})
    assert warnings_of(frame, SOLD) == []


def test_a_class_of_one_row_is_told():
    y = SOLD.copy()
    y[3] = "maybe"
    (message,) = warnings_of(NOISE, y)
    assert "1 class(es) with a single row, such as 'maybe'" in message
