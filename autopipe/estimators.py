"""What a user touches: `AutoClassifier` and `AutoRegressor`, scikit-learn estimators."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from autopipe.alignment import (
    check_groups,
    check_rows,
    check_weights,
    features_and_target,
)
from autopipe.arguments import budget_of, options_of
from autopipe.clock import Clock
from autopipe.errors import InputError, NotSupportedError, OptionError
from autopipe.evolution.search import Search
from autopipe.execution.executor import Executor
from autopipe.fitting import Callback, fit
from autopipe.frames import as_frame
from autopipe.intake import Coding
from autopipe.keywords import explaining_keywords
from autopipe.labels import TargetCoding
from autopipe.leaderboard import history, leaderboard, scored_leaderboard
from autopipe.metrics import metric_for
from autopipe.persistence import Model, read_model, write_model
from autopipe.seeds import RandomState, Seeds
from autopipe.summary import summary_html
from autopipe.suspicion import warn_of_suspicions
from autopipe.task import FloatArray


class _AutoEstimator(BaseEstimator):
    """Finds the best ensemble of pipelines that a time budget can buy.

    Pipelines (imputation, encoding, scaling, learner, calibration) are trees, judged by
    cross-validation and evolved; the model is a greedy ensemble of what was found.

    Parameters
    ----------
    time_budget : seconds, or a text such as "90s", "10m", "2h"; everything that `fit` does
        is inside. By default the preset's, or no limit if `max_trials` is given.
    max_trials : stop after so many pipelines; without a time budget the same seed then
        gives the same model
    preset : "fast", "balanced", "best" or "interpretable"; it fills time, number of folds,
        learners and ensemble where these are left at their defaults.
        `print(autopipe.presets.PRESETS["fast"])` shows how.
    scoring : a scikit-learn scorer's name or a scorer; by default ROC AUC for two classes,
        log loss for more, root mean squared error for numbers
    cv : number of folds, a scikit-learn splitter, or index pairs; by default chosen from
        rows and budget
    include, exclude : operators by name or family; `include` narrows the learners alone
    space, init : not supported yet
    knowledge : "auto" or None
    search : "evolution", or an object with `ask` and `tell`
    ensemble : "greedy" weighs the members greedily, "none" keeps the best one, "auto"
        leaves it to the preset
    max_latency_ms, max_size_mb : not supported yet
    n_jobs : cores; -1 is all
    device : "auto" or "cpu"
    memory_limit : not supported yet; workers share 80 % of the free memory
    executor : "processes", "inline", or an object that runs jobs
    path : folder that keeps the run; by default a temporary one
    callbacks : each is called with every finished trial; one that returns True ends the run
    verbose : 0 is silent
    random_state : an integer makes the run repeatable, as far as the clock allows

    Attributes
    ----------
    score_ : float
        Mean cross-validated score of the ensemble, in the metric's usual sign. Members
        and weights were chosen on the same rows, so it is slightly optimistic.
    history_ : DataFrame
        Every finished trial.
    roles_ : dict
        How each column was read.
    ledger_ : dict
        Seconds of every stage of the fit.
    interrupted_ : bool
        Whether Ctrl-C ended the search.
    n_features_in_, feature_names_in_ : as in scikit-learn

    Raises
    ------
    InputError
        If the data cannot be used; the message names the column and the remedy.
    KeywordError
        If a keyword is no argument; for one of another tool the message says ours.
    OptionError
        If an argument's value is outside what it may be.
    NotSupportedError
        If a documented argument is used that does not work yet.
    """

    # With metadata routing, what `fit` and `score` take for every row is asked for.
    __metadata_request__fit: ClassVar = {"groups": True, "sample_weight": True}
    __metadata_request__score: ClassVar = {"sample_weight": True}

    @explaining_keywords
    def __init__(
        self,
        *,
        time_budget: float | str | None = None,
        max_trials: int | None = None,
        preset: str = "balanced",
        scoring: str | Callable[..., float] | None = None,
        cv: Any = None,
        include: Sequence[str] | None = None,
        exclude: Sequence[str] | None = None,
        space: Mapping[str, Mapping[str, object]] | None = None,
        init: object = None,
        knowledge: object = "auto",
        search: str | Search = "evolution",
        ensemble: str = "auto",
        max_latency_ms: float | None = None,
        max_size_mb: float | None = None,
        n_jobs: int = -1,
        device: str = "auto",
        memory_limit: float | str | None = None,
        executor: str | Executor | None = None,
        path: str | PathLike[str] | None = None,
        callbacks: Sequence[Callback] = (),
        verbose: int = 1,
        random_state: RandomState = None,
    ) -> None:
        self.time_budget = time_budget
        self.max_trials = max_trials
        self.preset = preset
        self.scoring = scoring
        self.cv = cv
        self.include = include
        self.exclude = exclude
        self.space = space
        self.init = init
        self.knowledge = knowledge
        self.search = search
        self.ensemble = ensemble
        self.max_latency_ms = max_latency_ms
        self.max_size_mb = max_size_mb
        self.n_jobs = n_jobs
        self.device = device
        self.memory_limit = memory_limit
        self.executor = executor
        self.path = path
        self.callbacks = callbacks
        self.verbose = verbose
        self.random_state = random_state

    @explaining_keywords
    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        groups: Any = None,
        sample_weight: Any = None,
        roles: Mapping[Any, str] | None = None,
        monotone: object = None,
        costs: object = None,
        tables: object = None,
        relationships: object = None,
        cutoff: object = None,
    ) -> Self:
        """Search for pipelines until time is up, and keep the best ensemble of them.

        Ctrl-C ends the search early and keeps what was found.

        Parameters
        ----------
        X : table of shape (rows, columns)
            A pandas, polars or Arrow table, or an array; with `y` a column's name, the
            table that holds the target too.
        y : target of shape (rows,), or the name of its column in `X`
        groups : of shape (rows,); rows of one group are never on both sides of a fold
        sample_weight : of shape (rows,); used by learners, scores and ensemble
        roles : of columns where the cells alone would mislead, as {"zip": "categorical"}
        monotone, costs, tables, relationships, cutoff : not supported yet
        """
        arguments = self.get_params(deep=False)
        clock = Clock(budget_of(arguments))
        for name in ("monotone", "costs", "tables", "relationships", "cutoff"):
            if locals()[name] is not None:
                raise NotSupportedError(f"fit({name}=...) is not supported yet; leave it out.")
        options = options_of(arguments, groups)
        with clock.stage("intake"):
            X, y = features_and_target(X, y)
            frame = as_frame(X)
            coding = Coding.learn(X, roles)
            check_rows(frame, y)
            check_groups(groups, len(frame))
            table = coding.encode(X)
            target_coding = TargetCoding.learn(y, classify=self._is_classifier)
            target = target_coding.target(y, check_weights(sample_weight, len(table)))
            names, is_grouped = list(coding.columns), groups is not None
            warn_of_suspicions(table, target, names, target_coding.classes, is_grouped)
            classes = target_coding.classes if self._is_classifier else None
            metric = metric_for(self.scoring, target.kind, classes)
        fitted = fit(table, target, metric, options, Seeds.of(self.random_state), clock)
        facts = {
            "class": type(self).__name__,
            "arguments": self._plain_arguments(),
            "score_name": metric.shown_name,
            "score_sign": -1 if metric.is_error else 1,
            "score": None if fitted.selection is None else metric.shown(fitted.selection.score),
            "ledger": dict(fitted.ledger),
            "interrupted": fitted.was_interrupted,
        }
        self._adopt(Model(coding, target_coding, fitted.predictor, fitted.trials, facts))
        return self

    @property
    def _is_classifier(self) -> bool:
        return isinstance(self, ClassifierMixin)

    def _adopt(self, model: Model) -> None:
        """Take what a fit or a file gives."""
        self._model = model
        self.n_features_in_ = len(model.coding.columns)
        names = list(model.coding.columns)
        if model.coding.named and all(isinstance(name, str) for name in names):
            self.feature_names_in_ = np.array(names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        if self._is_classifier:
            self.classes_ = model.target_coding.classes
        self.roles_ = {name: role.value for name, role in model.coding.roles.items()}
        facts = model.facts
        self.score_: float = float("nan") if facts["score"] is None else facts["score"]
        self.ledger_: dict[str, float] = facts["ledger"]
        self.interrupted_: bool = facts["interrupted"]
        self.history_ = history(model.trials)

    def _plain_arguments(self) -> dict[str, Any]:
        """The arguments that JSON can hold; the others are the caller's own objects."""
        return {
            name: value
            for name, value in self.get_params(deep=False).items()
            if isinstance(value, (bool, int, float, str))
        }

    def _fitted(self) -> Model:
        check_is_fitted(self, "score_")
        return self._model

    def _outputs(self, X: Any) -> FloatArray:
        """Predictions of shape (rows, outputs)."""
        model = self._fitted()
        return model.predictor.predict(model.coding.encode(X, type(self).__name__))

    def leaderboard(self, X: Any = None, y: Any = None) -> pd.DataFrame:
        """The complete trials, best first, with their weight in the ensemble.

        Scores are means over the folds, in the metric's usual sign.

        Parameters
        ----------
        X, y : rows that the model has not seen; then the ensemble stands in the first line,
            and one more column, named after the metric and `_new`, has the scores of it and
            of its members on these rows
        """
        model = self._fitted()
        if X is None and y is None:
            return leaderboard(model)
        if X is None or y is None:
            raise InputError("leaderboard takes X and y, or neither.")
        X, y = features_and_target(X, y)
        table = model.coding.encode(X, type(self).__name__)
        target = model.target_coding.target(y)
        check_rows(as_frame(X), y)
        classes = self.classes_ if self._is_classifier else None
        metric = metric_for(self.scoring, target.kind, classes)
        if metric.shown_name != model.facts["score_name"]:
            raise OptionError(
                f"The model was fitted with {model.facts['score_name']}, but scoring now means "
                f"{metric.shown_name}; set_params(scoring=...) gives the former back."
            )
        return scored_leaderboard(model, metric, table, target)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the fitted model to one file, which `autopipe.load` reads.

        The file holds arrays, text and boosters' own formats; loading it runs no code.
        """
        write_model(self._fitted(), Path(path))

    def export(self, path: str | PathLike[str], fitted: bool = False) -> None:
        """Not supported yet."""
        raise NotSupportedError("export is not supported yet; use save and load.")

    def _html_repr(self) -> str:  # scikit-learn's hook for what notebooks show
        if hasattr(self, "_model"):
            return summary_html(type(self).__name__, self._model)
        shown: str = super()._html_repr()
        return shown

    def __sklearn_tags__(self) -> Any:  # scikit-learn carries no types
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.input_tags.sparse = True
        tags.non_deterministic = self.max_trials is None
        return tags


class AutoClassifier(ClassifierMixin, _AutoEstimator):
    __doc__ = _AutoEstimator.__doc__

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class of every row, in the type that `fit` was given."""
        codes = self._outputs(X).argmax(axis=1)
        return self._model.target_coding.decode(codes)

    def predict_proba(self, X: Any) -> FloatArray:
        """Probabilities of shape (rows, classes), in the order of `classes_`."""
        return self._outputs(X)


class AutoRegressor(RegressorMixin, _AutoEstimator):
    __doc__ = _AutoEstimator.__doc__

    def predict(self, X: Any) -> FloatArray:
        """A number for every row, shape (rows,)."""
        return self._outputs(X)[:, 0]


def load(path: str | PathLike[str]) -> AutoClassifier | AutoRegressor:
    """The fitted estimator that its `save` wrote; loading it runs nothing from the file.

    Arguments that JSON cannot hold, such as a callable metric, are back at their defaults.

    Raises
    ------
    StoreError
        If there is no such file, it is damaged, or a newer autopipe wrote it.
    """
    model = read_model(Path(path))
    facts = model.facts
    estimator_class = AutoRegressor if facts["class"] == "AutoRegressor" else AutoClassifier
    estimator = estimator_class(**facts["arguments"])
    estimator._adopt(model)
    return estimator
