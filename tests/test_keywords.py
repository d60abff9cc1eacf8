from __future__ import annotations

import inspect

import pytest
from sklearn.base import clone

from autopipe import AutoClassifier, AutoRegressor
from autopipe.errors import KeywordError
from autopipe.keywords import FOREIGN, explaining_keywords

OURS = {
    *inspect.signature(AutoClassifier).parameters,
    *inspect.signature(AutoClassifier.fit).parameters,
}
VALUES = [None, 1, 2.5, True, "text", ["a", "b"], {"a": 1}]


def refusal(**keywords) -> str:
    with pytest.raises(TypeError) as told:
        AutoClassifier(**keywords)
    return str(told.value)


@pytest.mark.parametrize(
    ("keyword", "ours"),
    [
        ({"time_limit": 600}, "time_limit=600 is time_budget=600 here"),
        ({"max_time_mins": 10}, 'max_time_mins=10 is time_budget="10m" here'),
        ({"max_runtime_secs": 90}, "is time_budget=90 here"),
        ({"time_left_for_this_task": 3600}, "is time_budget=3600 here"),
        ({"experiment_timeout_hours": 0.5}, 'is time_budget="0.5h" here'),
        ({"timeout": 5}, 'is time_budget=5 (seconds) or time_budget="5m" here'),
        ({"eval_metric": "roc_auc"}, 'is scoring="roc_auc" here'),
        ({"metric": "AUC"}, 'metric="AUC" is scoring="auc" here'),
        ({"seed": 42}, "is random_state=42 here"),
        ({"n_folds": 5}, "is cv=5 here"),
        ({"presets": "best_quality"}, 'is preset="best" here'),
        ({"presets": "medium_quality"}, 'is preset="fast" here'),
        ({"mode": "Perform"}, 'is preset="balanced" here'),
        ({"num_cpus": 8}, "is n_jobs=8 here"),
        ({"nthread": 4}, "is n_jobs=4 here"),
        ({"use_gpu": False}, 'is device="cpu" here'),
        ({"infer_limit": 0.05}, "is max_latency_ms=50 here"),
        ({"max_models": 20}, "is max_trials=20 here"),
        ({"generations": 5}, "generations=5 has no match here"),
        ({"population_size": 100}, "max_trials counts the pipelines"),
        ({"max_eval_time_mins": 5}, "follows from time_budget"),
        ({"verbosity": 2}, "is verbose=1 here"),
        ({"silent": True}, "is verbose=0 here"),
        ({"estimator_list": ["lgbm"]}, 'here, such as include=["lightgbm", "linear"].'),
        ({"problem_type": "binary"}, "choose AutoClassifier or AutoRegressor"),
        ({"label": "price"}, 'is fit(..., y="price") here'),
        ({"weights_column": "w"}, "is fit(..., sample_weight=frame['w']) here"),
        ({"cat_features": ["zip"]}, 'here, such as roles={"zip": "categorical"}.'),
        ({"output_directory": "run"}, 'is path="run" here'),
        ({"warm_start": True}, "warm_start=True is called init here"),
        ({"time_limit": "soon"}, 'time_limit="soon" is called time_budget here'),
    ],
    ids=str,
)  # fmt: skip
def test_a_keyword_of_another_tool_is_translated(keyword, ours):
    assert ours in refusal(**keyword)


def test_every_foreign_keyword_leads_to_an_argument_there_is():
    assert {ours for ours, _ in FOREIGN.values()} <= {"", *OURS}
    assert not OURS & set(FOREIGN)


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_every_foreign_keyword_is_explained_whatever_its_value(value):
    for name in FOREIGN:
        told = refusal(**{name: value})
        assert told.startswith(f"AutoClassifier takes no {name!r}: {name}=")
        assert "here" in told and told.endswith(".")


def test_a_slip_of_the_pen_is_led_to_the_nearest():
    assert "Did you mean 'time_budget'?" in refusal(time_buget=60)
    assert "Did you mean 'random_state'?" in refusal(random_stat=0)


def test_a_slip_in_a_foreign_keyword_is_led_to_ours():
    assert "'max_time_mins' of other tools is called 'time_budget' here" in refusal(
        max_time_min=5
    )


def test_a_keyword_that_nobody_knows_lists_what_there_is():
    told = refusal(colour="red")
    assert "takes no 'colour'" in told and "time_budget, max_trials" in told


def test_an_argument_of_the_class_is_sent_there_from_fit():
    with pytest.raises(KeywordError, match=r"give it to AutoRegressor\(time_budget=...\)"):
        AutoRegressor().fit([[1.0]], [1.0], time_budget=60)
    with pytest.raises(KeywordError, match="time_limit=60 is time_budget=60 here"):
        AutoRegressor().fit([[1.0]], [1.0], time_limit=60)


def test_an_argument_of_fit_is_sent_there_from_the_class():
    assert "give it to fit(..., sample_weight=...)" in refusal(sample_weight=[1.0])


def test_the_signature_is_what_it_was():
    assert "time_budget" in inspect.signature(AutoClassifier).parameters
    assert "sample_weight" in inspect.signature(AutoClassifier.fit).parameters
    model = AutoClassifier(time_budget=5)
    assert clone(model).get_params() == model.get_params()


def test_the_wrapped_method_keeps_its_name_and_its_words():
    class Plain:
        @explaining_keywords
        def fit(self, X, *, groups=None):
            """Words."""
            return X, groups

    assert Plain.fit.__doc__ == "Words." and Plain.fit.__name__ == "fit"
    assert Plain().fit(1, groups=2) == (1, 2)
