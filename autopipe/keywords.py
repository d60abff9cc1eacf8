"""What keywords of other tools are called here."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

from autopipe.errors import KeywordError

Method = TypeVar("Method", bound=Callable[..., Any])


def explaining_keywords(method: Method) -> Method:
    """Make a method say what a keyword that it does not take is called here.

    The signature stays what it is: scikit-learn reads arguments from it.
    """
    taken = tuple(inspect.signature(method).parameters)[1:]

    @functools.wraps(method)
    def checked(self: Any, *args: Any, **keywords: Any) -> Any:
        for name, value in keywords.items():
            if name not in taken:
                raise KeywordError(_explained(type(self), method.__name__, name, value))
        return method(self, *args, **keywords)

    return cast(Method, checked)


def _explained(owner: Any, method: str, name: str, value: object) -> str:
    constructor = tuple(inspect.signature(owner).parameters)
    fit = tuple(inspect.signature(owner.fit).parameters)[1:]
    own, other = (constructor, fit) if method == "__init__" else (fit, constructor)
    of = owner.__name__
    met = f"{of if method == '__init__' else method} takes no {name!r}"
    if name in other:
        place = f"{of}({name}=...)" if method == "fit" else f"fit(..., {name}=...)"
        return f"{met}: give it to {place}."
    if name in FOREIGN:
        return f"{met}: {name}={_shown(value)} {_converted(name, value, constructor)}."
    near = difflib.get_close_matches(name, [*own, *other, *FOREIGN], n=1)
    if not near:
        return f"{met}. It takes {', '.join(own)}."
    if near[0] in FOREIGN and FOREIGN[near[0]][0]:
        return f"{met}. {near[0]!r} of other tools is called {FOREIGN[near[0]][0]!r} here."
    return f"{met}. Did you mean {near[0]!r}?"


def _converted(name: str, value: object, constructor: Iterable[str]) -> str:
    """What to write for a keyword of another tool."""
    ours, convert = FOREIGN[name]
    try:
        text = convert(value)
    except (TypeError, ValueError):  # a value that the other tool would not take either
        text = ""
    if not ours:
        return text
    if not text:
        such = f", such as {ours}={_EXAMPLES[ours]}" if ours in _EXAMPLES else ""
        return f"is called {ours} here{such}"
    if ours in constructor:
        return f"is {ours}={text} here"
    return f"is fit(..., {ours}={text}) here"


def _shown(value: object) -> str:
    text = f'"{value}"' if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _same(value: Any) -> str:
    return _shown(value) if isinstance(value, (bool, int, float, str)) else ""


def _seconds(value: Any) -> str:
    return f"{float(value):g}"


def _minutes(value: Any) -> str:
    return f'"{float(value):g}m"'


def _hours(value: Any) -> str:
    return f'"{float(value):g}h"'


def _seconds_or_minutes(value: Any) -> str:
    return f"{_seconds(value)} (seconds) or time_budget={_minutes(value)}"


def _milliseconds(value: Any) -> str:
    return f"{1000 * float(value):g}"


def _megabytes(value: Any) -> str:
    return f'"{float(value):g}MB"'


def _count(value: Any) -> str:
    return str(int(value))


def _metric(value: Any) -> str:
    return _shown(value.lower()) if isinstance(value, str) else _same(value)


def _preset(value: Any) -> str:
    text = str(value).lower()
    for words, ours in _PRESETS:
        if any(word in text for word in words):
            return _shown(ours)
    return '"balanced"'


def _device(value: Any) -> str:
    return '"auto"' if value else '"cpu"'


def _verbose(value: Any) -> str:
    return str(min(1, int(value)))


def _silence(value: Any) -> str:
    return "0" if value else "1"


def _whether(value: Any) -> str:
    return '"auto"' if value else '"none"'


def _column(value: Any) -> str:
    """One array for all rows, where other tools name a column."""
    return f"frame[{value!r}]" if isinstance(value, str) else "..."


def _target(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else "..."


def _untold(value: Any) -> str:
    """The values of other tools mean nothing here."""
    return ""


def _nothing(advice: str) -> tuple[str, Callable[[Any], str]]:
    return "", lambda _: f"has no match here: {advice}"


_PRESETS = (  # words in other tools' presets and modes, and the nearest of ours
    (("interpret",), "interpretable"),
    (("extreme", "best", "high", "compete", "optuna", "performance"), "best"),
    (("fast", "medium", "explain", "simple", "light"), "fast"),
)

_EXAMPLES = {
    "include": '["lightgbm", "linear"]',
    "exclude": '["catboost"]',
    "roles": '{"zip": "categorical"}',
}
_EVOLUTION = _nothing(
    "evolution is steady, without generations; max_trials counts the pipelines that are tried"
)
_ONE_TRIAL = _nothing("what one pipeline may take follows from time_budget")
_CLASSES = _nothing("choose AutoClassifier or AutoRegressor")
_VALIDATION = _nothing("every pipeline is cross-validated; cv says on which folds")

FOREIGN: dict[str, tuple[str, Callable[[Any], str]]] = {
    # the time of the whole run
    **dict.fromkeys(
        (
            "time_limit", "total_time_limit", "max_total_time", "max_runtime_secs",
            "time_left_for_this_task", "time_budget_s", "max_time_seconds", "max_time_secs",
            "max_seconds", "time_out_seconds",
        ),
        ("time_budget", _seconds),
    ),
    **dict.fromkeys(
        ("max_time_mins", "experiment_timeout_minutes", "max_minutes", "time_limit_mins"),
        ("time_budget", _minutes),
    ),
    **dict.fromkeys(("experiment_timeout_hours", "max_hours"), ("time_budget", _hours)),
    "timeout": ("time_budget", _seconds_or_minutes),  # LightAutoML's seconds, FEDOT's minutes
    # the time of one pipeline
    **dict.fromkeys(
        (
            "per_run_time_limit", "max_eval_time_mins", "max_eval_time", "train_time_limit",
            "model_time_limit", "max_runtime_secs_per_model", "trial_time_limit",
        ),
        _ONE_TRIAL,
    ),
    # how many pipelines
    **dict.fromkeys(
        (
            "max_models", "max_iter", "n_trials", "n_iter", "max_evals", "num_trials",
            "max_iterations", "num_samples",
        ),
        ("max_trials", _count),
    ),
    **dict.fromkeys(
        (
            "generations", "population_size", "offspring_size", "mutation_rate",
            "crossover_rate", "pop_size", "num_of_generations",
        ),
        _EVOLUTION,
    ),
    # quality
    **dict.fromkeys(("presets", "mode", "quality"), ("preset", _preset)),
    **dict.fromkeys(
        ("eval_metric", "metric", "scorer", "scorers", "sort_metric", "optimize", "metrics"),
        ("scoring", _metric),
    ),
    # the machine
    **dict.fromkeys(
        (
            "num_cpus", "nthread", "nthreads", "n_threads", "num_threads", "thread_count",
            "cpu_limit", "n_cpus", "num_workers", "n_workers", "ncpus",
        ),
        ("n_jobs", _count),
    ),
    **dict.fromkeys(("num_gpus", "use_gpu", "gpu_ids", "n_gpus", "gpu"), ("device", _device)),
    **dict.fromkeys(("max_memory_mb", "ml_memory_limit"), ("memory_limit", _megabytes)),
    **dict.fromkeys(("max_mem_size", "ram_limit"), ("memory_limit", _same)),
    # luck
    **dict.fromkeys(
        ("seed", "random_seed", "session_id", "rng_seed", "seed_value"),
        ("random_state", _same),
    ),
    # what is tried
    **dict.fromkeys(
        (
            "estimator_list", "algorithms", "include_algos", "included_model_types",
            "include_estimators", "models",
        ),
        ("include", _untold),
    ),
    **dict.fromkeys(
        ("excluded_model_types", "exclude_algos", "exclude_estimators"), ("exclude", _untold)
    ),
    **dict.fromkeys(
        ("hyperparameters", "config_dict", "search_space", "custom_hp"),
        ("space", _untold),
    ),
    # folds
    **dict.fromkeys(
        (
            "n_folds", "nfolds", "num_bag_folds", "fold", "folds", "n_splits", "cv_folds",
            "kfold",
        ),
        ("cv", _same),
    ),
    **dict.fromkeys(("eval_method", "split_type", "resampling_strategy"), _VALIDATION),
    **dict.fromkeys(
        ("group", "group_column", "groups_column", "fold_groups", "fold_column"),
        ("groups", _column),
    ),
    **dict.fromkeys(
        ("weights", "sample_weights", "weights_column", "weight_column"),
        ("sample_weight", _column),
    ),
    # data
    **dict.fromkeys(("label", "target", "target_column", "y_train"), ("y", _target)),
    **dict.fromkeys(("train_data", "dataframe", "X_train", "training_frame"), ("X", _target)),
    **dict.fromkeys(
        ("tuning_data", "X_val", "y_val", "X_test", "X_valid", "validation_frame"), _VALIDATION
    ),
    **dict.fromkeys(
        ("cat_features", "categorical_features", "feat_type", "categorical_feature"),
        ("roles", _untold),
    ),
    **dict.fromkeys(("problem_type", "ml_task", "task", "task_type"), _CLASSES),
    # the model
    **dict.fromkeys(
        ("infer_limit", "pred_time_limit", "max_single_prediction_time"),
        ("max_latency_ms", _milliseconds),
    ),
    **dict.fromkeys(
        ("fit_weighted_ensemble", "train_ensemble", "stack_models", "auto_stack"),
        ("ensemble", _whether),
    ),
    # the run
    **dict.fromkeys(
        (
            "results_path", "output_directory", "output_folder", "tmp_folder", "project_name",
            "periodic_checkpoint_folder", "run_dir", "save_path",
        ),
        ("path", _same),
    ),
    **dict.fromkeys(("warm_start", "starting_points"), ("init", _untold)),
    **dict.fromkeys(("verbosity", "verbose_level", "verbose_eval"), ("verbose", _verbose)),
    **dict.fromkeys(("silent", "quiet"), ("verbose", _silence)),
}  # fmt: skip
"""Keyword of another tool: the argument here, and how its value is written."""
