"""Pipelines of scikit-learn as the trees that are nearest to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autopipe.errors import OptionError
from autopipe.operators.catalogue import operator_named
from autopipe.operators.declaration import Complete, Dense
from autopipe.space import Domain, Float, Int
from autopipe.tree import TABLE, Node

_ENCODING, _IMPUTATION, _SCALING, _PROJECTION, _LEARNER = range(5)  # in the order of a tree


@dataclass(frozen=True)
class _Known:
    """What a class of scikit-learn's kind is in a tree.

    Parameters
    ----------
    names : ours of its parameters
    """

    op: str
    stage: int
    names: Mapping[str, str] = field(default_factory=dict)


_FOREST = {name: name for name in ("max_features", "min_samples_split", "min_samples_leaf")}
_FAMILIES = {  # of which there are a classifier and a regressor
    "RandomForest": _Known("random_forest", _LEARNER, _FOREST),
    "ExtraTrees": _Known("extra_trees", _LEARNER, _FOREST),
    "HistGradientBoosting": _Known(
        "lightgbm",
        _LEARNER,
        {
            "learning_rate": "learning_rate",
            "max_leaf_nodes": "num_leaves",
            "min_samples_leaf": "min_data_in_leaf",
            "l2_regularization": "lambda_l2",
        },
    ),
    "LGBM": _Known(
        "lightgbm",
        _LEARNER,
        {
            "learning_rate": "learning_rate",
            "num_leaves": "num_leaves",
            "min_child_samples": "min_data_in_leaf",
            "reg_alpha": "lambda_l1",
            "reg_lambda": "lambda_l2",
        },
    ),
    "XGB": _Known(
        "xgboost",
        _LEARNER,
        {
            name: name
            for name in (
                *("learning_rate", "max_depth", "min_child_weight", "subsample"),
                *("colsample_bylevel", "reg_alpha", "reg_lambda", "grow_policy"),
            )
        },
    ),
    "CatBoost": _Known("catboost", _LEARNER, {"learning_rate": "learning_rate"}),
}
_KNOWN = {
    "OneHotEncoder": _Known("one_hot", _ENCODING),
    "OrdinalEncoder": _Known("codes", _ENCODING),
    "TargetEncoder": _Known("target_encoding", _ENCODING),
    "SimpleImputer": _Known("impute", _IMPUTATION, {"strategy": "numbers"}),
    "StandardScaler": _Known("standard_scaling", _SCALING),
    "RobustScaler": _Known("robust_scaling", _SCALING),
    "PowerTransformer": _Known("power_scaling", _SCALING),
    "QuantileTransformer": _Known("quantile_scaling", _SCALING, {"n_quantiles": "quantiles"}),
    "PCA": _Known("pca", _PROJECTION),
    "LogisticRegression": _Known("logistic", _LEARNER, {"C": "C"}),
    "Ridge": _Known("ridge", _LEARNER, {"alpha": "alpha"}),
    **{
        family + kind: known
        for family, known in _FAMILIES.items()
        for kind in ("Classifier", "Regressor")
    },
}


def tree_of(estimator: Any) -> Node:
    """The tree that does most nearly what a pipeline does; it need not be fitted.

    Of a `ColumnTransformer` the steps count, not which columns they are for: operators find
    their columns themselves. What a learner needs and the pipeline lacks, such as imputation,
    is put below it. Hyperparameters that have no like are left to their defaults.

    Raises
    ------
    OptionError
        If a step has no like among the operators, or there is no learner.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import RobustScaler
    >>> str(tree_of(make_pipeline(RobustScaler(), Ridge(alpha=3.0))))
    'ridge(robust_scaling(impute(one_hot(table))), alpha=3.0)'
    """
    found: dict[int, Node] = {}
    for step in _steps(estimator):
        known = _KNOWN.get(type(step).__name__)
        if known is None:
            raise OptionError(
                f"{type(step).__name__} has no like among the operators. Known: "
                f"{', '.join(_KNOWN)}."
            )
        found[known.stage] = Node(known.op, tuple(_params(step, known)))
    if _LEARNER not in found:
        raise OptionError(f"{type(estimator).__name__}: a pipeline ends in a learner.")
    (takes,) = operator_named(found[_LEARNER].op).takes
    is_dense = takes is Dense
    found.setdefault(_ENCODING, Node("one_hot" if is_dense else "codes"))
    if issubclass(takes, Complete) or _SCALING in found or _PROJECTION in found:
        found.setdefault(_IMPUTATION, Node("impute"))
    if is_dense or _PROJECTION in found:
        found.setdefault(_SCALING, Node("standard_scaling"))
    tree = TABLE
    for stage in sorted(found):
        tree = Node(found[stage].op, found[stage].params, (tree,))
    return tree


def _steps(estimator: Any) -> Iterator[Any]:
    """The estimators within, in order."""
    if estimator in (None, "passthrough", "drop"):
        return
    inner = getattr(estimator, "steps", None) or getattr(estimator, "transformers", None)
    if inner is None:
        yield estimator
    else:
        for each in inner:
            yield from _steps(each[1])


def _params(step: Any, known: _Known) -> Iterator[tuple[str, Any]]:
    """Hyperparameters that are not those of the class, by our names, where we take such."""
    space = operator_named(known.op).space
    defaults = type(step)().get_params()
    for name, value in step.get_params().items():
        ours = known.names.get(name, "")
        if ours not in space or value is None or np.ndim(value) or value == defaults.get(name):
            continue
        if isinstance(value, np.generic):
            value = value.item()
        if value in space[ours]:
            yield ours, value
        elif _is_like(value, space[ours]):
            yield ours, space[ours].nearest(value)


def _is_like(value: object, domain: Domain) -> bool:
    """Whether a value outside means what those inside do: counts are no shares."""
    if isinstance(value, bool) or not isinstance(domain, (Float, Int)):
        return False
    return isinstance(value, int if isinstance(domain, Int) else (int, float)) and value > 0
