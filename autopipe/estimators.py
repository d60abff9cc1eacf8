"""What a user touches: `AutoClassifier` and `AutoRegressor`, scikit-learn estimators."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from autopipe.afterwards import Afterwards
from autopipe.arguments import budget_of, options_of
from autopipe.clock import Clock
from autopipe.deployment import reading_cost
from autopipe.ensembles.decisions import costs_of
from autopipe.errors import OptionError
from autopipe.evolution.search import Search
from autopipe.execution.executor import Executor
from autopipe.execution.files import model_path
from autopipe.execution.launcher import warm
from autopipe.fitting import fit
from autopipe.folds import splitter_name
from autopipe.intake.alignment import check_rows, features_and_target
from autopipe.intake.frames import as_frame
from autopipe.intake.labels import named_costs
from autopipe.intake.suspicion import warn_of_suspicions
from autopipe.keywords import explaining_keywords
from autopipe.leaving import Leaving
from autopipe.metrics import Metric, metric_for
from autopipe.model import Model
from autopipe.operators.declaration import Operator
from autopipe.persistence import read_model
from autopipe.plain import plain, to_json
from autopipe.planning import Planning, known_keys, widened
from autopipe.relations.joining import Joining, frames_of, joined
from autopipe.reports.failures import warn_if_all_failed
from autopipe.reports.inspection import Inspection
from autopipe.reports.leaderboard import history
from autopipe.reports.summary import summary_html
from autopipe.run import Callback, Fitted
from autopipe.seeds import RandomState, Seeds
from autopipe.task import FloatArray, TaskKind
from autopipe.training_rows import TrainingRows, training_rows


class _AutoEstimator(Planning, Inspection, Afterwards, Leaving, BaseEstimator):
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
        `autopipe.presets.PRESETS` says all of each.
    scoring : a scikit-learn scorer's name or a scorer; by default ROC AUC for two classes,
        log loss for more, root mean squared error for numbers. Of two classes the one that
        is sorted last is the positive one. A scorer of your own is shown predictions in the
        place of columns, and without a parameter `sample_weight` counts every row once.
    cv : number of folds, a scikit-learn splitter, which sees classes as numbers, and numbers
        as logarithms where `scoring` is of such, or index pairs; by default chosen from rows
        and budget
    include, exclude : operators by name or family; `include` narrows the learners alone, and
        takes operators of your own, as `["all", learner(MyClass)]`; see `autopipe.learner`
    space : narrower ranges by operator and hyperparameter, as {"lightgbm": {"learning_rate":
        (0.01, 0.1), "num_leaves": 31, "max_bin": [63, 127]}}: a range, a value, some values
    init : trees to begin with: the text of one, a list of such, or the best of a former run,
        given as its folder, as a fitted estimator, or as the script that it exported; or a
        `Pipeline` of scikit-learn's with common steps. A fitted estimator does not survive
        `clone`, and so no search over several fits.
    knowledge : "auto" tries early what paid on other data sets, those that autopipe ships with
        and the runs on this machine, to which it adds this one; a `Knowledge` says which and
        whether; None does neither
    search : "evolution"; "random", "grid", "tpe" or "cmaes", which sample a learner, what
        prepares the table for it, and their hyperparameters; or an object with `ask` and `tell`
    ensemble : "greedy" weighs the members greedily, "none" keeps the best one, "auto"
        leaves it to the preset; "stack" spends a fifth of the budget on learners over the
        members' predictions, which join where they win on rows that neither level has seen
    max_latency_ms : milliseconds that the model may take for one row alone, reading included;
        a limit that depends on how quick the machine is
    max_size_mb : megabytes that its fitted pipelines may take. Where the limits leave no more
        than one model of each pipeline, it is fitted to all rows if time allows.
    n_jobs : cores; -1 is all
    device : "cpu", "cuda", or "auto" for the latter where there is one: networks, and XGBoost
        from 100,000 rows on, are then trained on the graphics card, beside the other learners
        on the cores
    memory_limit : what all workers may hold together: bytes, or a text such as "4GB"; by
        default 80 % of what is free. Beyond it, the one that holds most costs its trial.
    executor : "processes", "inline" for this one, or an object that runs jobs; by default
        processes, but for the first trial of less than 5 s
    path : folder that keeps the run; by default a temporary one. One that holds a run on the
        same data goes on with it: `max_trials` counts its trials too, `time_budget` is new.
    callbacks : each is called with every finished trial; one that returns True ends the run.
        A trial's `score` is larger for better ones, also of errors, and None where the trial
        was not completed.
    verbose : 0 is silent
    random_state : an integer makes the run repeatable, as far as the clock allows

    Attributes
    ----------
    score_ : Score
        Mean cross-validated score of the ensemble, in the metric's usual sign: a float that
        prints as a report. Members and weights were chosen on the same rows;
        `score_.corrected` is without what that gained by luck, `score_.interval(rows)`
        holds the score on so many fresh rows, `score_.baselines` is what simple predictions
        score on the same folds.
    threshold_ : float
        Two classes: the probability of the second one from which on it is predicted.
    history_ : DataFrame
        Every finished trial; `score` is larger for better ones, also of errors, and missing
        where the trial was not completed.
    roles_ : dict
        How each column was read.
    front_ : DataFrame
        The models that `select` can move to: score, milliseconds, megabytes.
    ledger_ : dict
        Seconds of every stage of the fit.
    interrupted_ : bool
        Whether Ctrl-C ended the search.
    features_ : DataFrame
        The columns that members made for themselves; the most important first.
    classes_ : array of shape (classes,)
        Of `AutoClassifier`: the labels, in the order of the columns of `predict_proba`.
    n_features_in_, feature_names_in_ : as in scikit-learn

    Raises
    ------
    InputError
        If the data cannot be used; the message names the column and the remedy.
    KeywordError
        If a keyword is no argument; for one of another tool the message says ours.
    OptionError
        If an argument's value is outside what it may be.
    """

    # With metadata routing, what `fit` and `score` take for every row is asked for.
    __metadata_request__fit: ClassVar = {"groups": True, "sample_weight": True}
    __metadata_request__score: ClassVar = {"sample_weight": True}

    _notes: Mapping[str, Any] = MappingProxyType({})  # the command line's, for the run folder

    @explaining_keywords
    def __init__(
        self,
        *,
        time_budget: float | str | None = None,
        max_trials: int | None = None,
        preset: str = "balanced",
        scoring: str | Callable[..., float] | None = None,
        cv: Any = None,
        include: Sequence[str | Operator] | None = None,
        exclude: Sequence[str] | None = None,
        space: Mapping[str, Mapping[str, object]] | None = None,
        init: object = None,
        knowledge: object = "auto",
        search: str | Search = "evolution",
        ensemble: str = "auto",
        max_latency_ms: float | None = None,
        max_size_mb: float | None = None,
        n_jobs: int | None = -1,
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
        monotone: Mapping[Any, int] | None = None,
        costs: Any = None,
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
        costs : what a mistake costs, of shape (classes, classes), by what is true and what
            is predicted, in the order of the sorted classes; or a frame with their names, or a
            dict by (true, predicted). `predict` then gives the class of least expected cost.
        monotone : columns of numbers that predictions may only rise with (1) or only fall with
            (-1), all else being equal, as {"age": 1}. What rises is the number, or the
            probability of the second of two classes. Only boosted trees can promise that, so
            they alone make up the model; a missing value stands outside of the order.
        tables : further tables by name, {"orders": orders}, whose rows belong to those of `X`.
            Columns are made of them (extra `relational`), such as `mean(orders.amount)`.
        relationships : [("customers", "id", "orders", "customer_id")] for each the parent
            table, its key, the child table, and the column there that holds the key; what is
            not in `tables`, here "customers", is `X`. A `Relations` says what is made too.
        cutoff : the column of `X` up to which rows of other tables count, that moment
            included: times, or numbers that grow with it. A table's own time is its column of
            dates; {"customers": "asked_on", "orders": "ordered_at"} says which. Without
            a cutoff all rows count.
        """
        arguments = self.get_params(deep=False)
        clock = Clock(budget_of(arguments))
        notes = {"class": type(self).__name__, "arguments": self._plain_arguments()}
        options = options_of(arguments, groups, {**notes, **self._notes})
        if options.executor in (None, "processes"):
            warm()  # their imports go on while the table is read
        with clock.stage("intake"):
            own, keys = known_keys(tables, relationships)
            X, y = features_and_target(X, y, own)
            is_grouped = groups is not None
            tables = None if tables is None else frames_of(tables, keys)
            given = as_frame(X)
            X, joining, made = widened(X, tables, relationships, cutoff, arguments, is_grouped)
            rows = training_rows(
                X, y, self._is_classifier, groups, sample_weight, roles, monotone
            )
            classes = rows.target_coding.classes
            names = list(rows.coding.columns)
            warn_of_suspicions(rows.table, rows.target, names, classes, is_grouped)
            metric = metric_for(
                self.scoring, rows.target.kind, classes if self._is_classifier else None
            )
            rows, metric = rows.aimed_at(metric)
            reading = reading_cost(
                rows.coding.encode, given, lambda few: joined(joining, few, tables)
            )
            options = replace(
                options,
                frame=rows.frame,
                costs=None if costs is None else self._costs(costs, classes),
                demands=replace(options.demands, reading=reading),
                notes={**options.notes, **made},
            )
        seeds = None if self.random_state is None else Seeds.of(self.random_state)
        fitted = fit(rows.table, rows.target, metric, options, seeds, clock)
        facts = {
            "has_costs": costs is not None,
            "has_groups": is_grouped,
            "has_weights": sample_weight is not None,
            "roles": _by_column(roles),
            "monotone": _by_column(monotone),
        }
        self._adopt(self._made(fitted, rows, metric, joining, facts))
        warn_if_all_failed(fitted.trials, clock.budget is not None)
        return self

    def _made(
        self,
        fitted: Fitted,
        rows: TrainingRows,
        metric: Metric,
        joining: Joining | None,
        given: Mapping[str, Any],
    ) -> Model:
        """The model of a fit, with what is to be known of it.

        Parameters
        ----------
        given : facts of what `fit` was given, as JSON
        """
        estimate = fitted.conclusion.estimate
        facts = {
            **given,
            "splitter": splitter_name(self.cv),
            "loss": str(rows.target.loss),
            "class": type(self).__name__,
            "arguments": self._plain_arguments(),
            "score_name": metric.shown_name,
            "score_sign": -1 if metric.is_error else 1,
            "estimate": None if estimate is None else estimate.state(),
            "ledger": dict(fitted.ledger),
            "interrupted": fitted.was_interrupted,
            "ending": fitted.ending,
        }
        return Model(
            rows.coding,
            rows.target_coding,
            fitted.predictor,
            fitted.conclusion.decision,
            fitted.conclusion.conformal,
            fitted.trials,
            facts,
            fitted.front,
            joining,
        )

    def _costs(self, costs: Any, classes: np.ndarray) -> FloatArray:
        if not self._is_classifier:
            raise OptionError("fit(costs=...): a regressor names no classes; leave it out.")
        return costs_of(named_costs(costs), classes)

    @property
    def _is_classifier(self) -> bool:
        return isinstance(self, ClassifierMixin)

    def _adopt(self, model: Model) -> None:
        """Take what a fit or a file gives."""
        self._model = model
        names = list(model.coding.columns)
        if model.joining is not None:  # which made the last of them
            names = names[: len(names) - len(model.joining.formulas)]
        self.n_features_in_ = len(names)
        if model.coding.named and all(isinstance(name, str) for name in names):
            self.feature_names_in_ = np.array(names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        if self._is_classifier:
            self.classes_ = model.target_coding.classes
        self.roles_ = {name: role.value for name, role in model.coding.roles.items()}
        facts = model.facts
        self.score_ = model.score
        self.ledger_: dict[str, float] = facts["ledger"]
        self.interrupted_: bool = facts["interrupted"]
        self.history_ = history(model.trials)

    def _plain_arguments(self) -> dict[str, Any]:
        """The arguments that JSON can hold; the others are the caller's own objects."""
        given = self.get_params(deep=False).items()
        return {name: value for name, value in given if _is_json(value)}

    def _fitted(self) -> Model:
        check_is_fitted(self, "score_")
        return self._model

    def _outputs(self, X: Any, tables: Any = None) -> FloatArray:
        """Predictions of shape (rows, outputs)."""
        model = self._fitted()
        table = model.coding.encode(model.joined(X, tables), type(self).__name__)
        return model.predictor.predict(table)

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


def _is_json(value: object) -> bool:
    """Whether JSON gives the value back as it is."""
    try:
        return bool(json.loads(json.dumps(value)) == value)
    except (TypeError, ValueError):
        return False


def _by_column(values: Mapping[Any, Any] | None) -> list[list[Any]]:
    """Values by a column's name, as JSON."""
    return [[to_json(plain(name)), plain(value)] for name, value in (values or {}).items()]


def _of_the_same_rows(model: Model, X: Any, y: Any) -> tuple[Any, Any]:
    """A table and its target, which are seen to go together."""
    X, y = model.features_and_target(X, y)
    check_rows(frame := as_frame(X), y, frame is X)
    return X, y


class AutoClassifier(ClassifierMixin, _AutoEstimator):
    __doc__ = _AutoEstimator.__doc__

    def score(self, X: Any, y: Any, sample_weight: Any = None, *, tables: Any = None) -> float:
        """The accuracy, as scikit-learn has it."""
        from sklearn.metrics import accuracy_score

        X, y = _of_the_same_rows(self._fitted(), X, y)
        said = self._fitted().chosen(self._outputs(X, tables))
        true = self._model.target_coding.codes(y)  # which may be of a type unknown there
        return float(accuracy_score(true, said, sample_weight=sample_weight))

    def predict(self, X: Any, *, tables: Any = None) -> np.ndarray:
        """The class of every row, in the type that `fit` was given.

        That is the most probable one; or, where `scoring` is of labels and this pays on
        rows that were held out, the one that a chosen threshold names; or that of the least
        expected cost, where `fit` was given costs. A model that was fitted with further
        tables needs theirs for these rows; so do the other methods that take `X`.
        """
        codes = self._fitted().chosen(self._outputs(X, tables))
        return self._model.target_coding.decode(codes)

    def predict_proba(self, X: Any, *, tables: Any = None) -> FloatArray:
        """Probabilities of shape (rows, classes), in the order of `classes_`."""
        return self._outputs(X, tables)

    def predict_set(self, X: Any, coverage: float = 0.9, *, tables: Any = None) -> np.ndarray:
        """The classes that each row may be of, so that the true one is among them this often.

        Conformal: made from the errors of out-of-fold predictions. It holds on average over
        rows like those of `fit`. No set is empty, so an accurate model covers more.

        Returns
        -------
        bool array of shape (rows, classes), in the order of `classes_`
        """
        outputs = self._outputs(X, tables)
        return self._model.conformal.sets(outputs, coverage)

    @property
    def threshold_(self) -> float:
        """From which probability on `predict` names the second of two classes."""
        decision = self._fitted().decision
        threshold = 0.5 if decision is None else decision.threshold
        if len(self.classes_) != 2 or threshold is None:
            raise AttributeError("threshold_: no threshold decides between these classes.")
        return threshold


class AutoRegressor(RegressorMixin, _AutoEstimator):
    __doc__ = _AutoEstimator.__doc__

    def score(self, X: Any, y: Any, sample_weight: Any = None, *, tables: Any = None) -> float:
        """The share of the variance that is explained, as scikit-learn has it."""
        from sklearn.metrics import r2_score

        X, y = _of_the_same_rows(self._fitted(), X, y)
        predicted = self.predict(X, tables=tables)
        true = self._model.target_coding.read(y)
        return float(r2_score(true, predicted, sample_weight=sample_weight))

    def predict(self, X: Any, *, tables: Any = None) -> FloatArray:
        """A number for every row, shape (rows,).

        A model that was fitted with further tables needs theirs for these rows; so do the
        other methods that take `X`.
        """
        numbers = self._outputs(X, tables)[:, 0]
        return self._model.target_coding.numbers(numbers)

    def predict_interval(
        self, X: Any, coverage: float = 0.9, *, tables: Any = None
    ) -> FloatArray:
        """The lower and upper end within which this share of the truths lies.

        Conformal: made from the errors of out-of-fold predictions, wider where these were
        larger. It holds on average over rows like those of `fit`; as many truths are to lie
        below as above. With too few rows to promise anything the ends are infinite.

        Returns
        -------
        array of shape (rows, 2)
        """
        ends = self._fitted().conformal.interval(self._outputs(X, tables), coverage)
        return self._model.target_coding.numbers(ends)


def load(
    path: str | PathLike[str], operators: Sequence[Operator] = ()
) -> AutoClassifier | AutoRegressor:
    """The fitted estimator that `save`, or a run of the command line, wrote.

    Loading it runs nothing from the file.

    Arguments that JSON cannot hold, such as a callable metric, are back at their defaults.

    Parameters
    ----------
    path : of the file, or of the run's folder
    operators : your own that the model was fitted with. What `learner` makes is unpickled,
        which can run anything: give them for files that you trust.

    Raises
    ------
    StoreError
        If there is no such file, it is damaged, or a newer autopipe wrote it; or if it was
        fitted with operators of your own that are not given.
    """
    path = Path(path)
    model = read_model(model_path(path) if path.is_dir() else path, operators)
    facts = model.facts
    is_numbers = model.target_coding.kind is TaskKind.REGRESSION
    estimator_class = AutoRegressor if is_numbers else AutoClassifier
    estimator = estimator_class(**facts["arguments"])
    estimator._adopt(model)
    return estimator
