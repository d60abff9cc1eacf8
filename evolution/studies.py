"""What Optuna's samplers learn from and propose: the one door to Optuna."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from autopipe.evolution.template import Choose
from autopipe.space import Choice, Domain, Float, Int, Value, rounded
from autopipe.tree import Node

Choices = Mapping[str, tuple[Domain, Value]]
"""Domain and value by the name of the choice."""

_KNOWN = (Float, Int, Choice)  # what is neither, no sampler can choose

SAMPLERS = ("random", "tpe", "cmaes")
"""What Optuna's samplers are called here."""


class Study:
    """Choices that were made and the scores they led to, and a sampler that makes the next.

    What it proposes depends on what it was given and on the seed alone: trials that are
    still running are not known to it.

    Parameters
    ----------
    sampler : one of `SAMPLERS`
    warm_up : scores before which it draws at random

    References
    ----------
    Akiba et al., Optuna: A Next-generation Hyperparameter Optimization Framework, KDD 2019.
    Bergstra et al., Algorithms for Hyper-Parameter Optimization, NeurIPS 2011: TPE. Hansen,
    The CMA Evolution Strategy: A Tutorial, 2016.
    """

    def __init__(self, sampler: str, warm_up: int = 10) -> None:
        import optuna

        assert sampler in SAMPLERS
        self._sampler = sampler
        self._warm_up = warm_up
        self._count = 0
        self._marks: dict[str, Mapping[str, Any]] = {}  # a sampler's own, by the tree
        with _quiet():
            self._study = optuna.create_study(direction="maximize")

    def __len__(self) -> int:
        """How many scores it has learned from."""
        return self._count

    def propose(self, seed: int, make: Callable[[Choose], Node]) -> Node:
        """The tree that `make` builds of the sampler's choices."""
        import optuna

        with _quiet():
            self._study.sampler = self._fresh(seed)
            trial = self._study.ask()
            tree = make(lambda name, domain: _chosen(trial, name, domain))
            # Not left as running, or what is proposed next would depend on who is slow.
            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
            told = self._study.get_trials(deepcopy=False)[trial.number]
        if told.system_attrs:
            self._marks[str(tree)] = told.system_attrs
        return tree

    def add(self, choices: Choices, score: float, tree: Node) -> None:
        """Learn what choices led to."""
        import optuna

        free = {n: pair for n, pair in choices.items() if isinstance(pair[0], _KNOWN)}
        self._study.add_trial(
            optuna.create_trial(
                params={name: _coded(*pair) for name, pair in free.items()},
                distributions={
                    name: _distribution(domain) for name, (domain, _) in free.items()
                },
                value=score,
                system_attrs=dict(self._marks.pop(str(tree), {})),
            )
        )
        self._count += 1

    def _fresh(self, seed: int) -> Any:
        from optuna import samplers

        if self._sampler == "random":
            return samplers.RandomSampler(seed)
        if self._sampler == "tpe":
            return samplers.TPESampler(
                n_startup_trials=self._warm_up,
                seed=seed,
                multivariate=True,
                group=True,  # choices that depend on others are modelled among themselves
                constant_liar=False,
            )
        return samplers.CmaEsSampler(
            n_startup_trials=self._warm_up, seed=seed, warn_independent_sampling=False
        )


def _distribution(domain: Domain) -> Any:
    from optuna import distributions

    if isinstance(domain, Float):
        return distributions.FloatDistribution(domain.low, domain.high, log=domain.log)
    if isinstance(domain, Int):
        return distributions.IntDistribution(domain.low, domain.high, log=domain.log)
    assert isinstance(domain, Choice)  # by place: Optuna takes True and 1 for the same
    return distributions.CategoricalDistribution(tuple(range(len(domain.options))))


def _coded(domain: Domain, value: Value) -> Any:
    if not isinstance(domain, Choice):
        return value
    return next(i for i, option in enumerate(domain.options) if repr(option) == repr(value))


def _chosen(trial: Any, name: str, domain: Domain) -> Value:
    if not isinstance(domain, _KNOWN):
        return domain.default
    if isinstance(domain, Float):
        low, high = domain.low, domain.high
        return domain.nearest(rounded(trial.suggest_float(name, low, high, log=domain.log)))
    if isinstance(domain, Int):
        low, high = domain.low, domain.high
        return domain.nearest(rounded(trial.suggest_int(name, low, high, log=domain.log)))
    assert isinstance(domain, Choice)
    place: int = trial.suggest_categorical(name, tuple(range(len(domain.options))))
    return domain.options[place]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Optuna from talking, and leave the user's own settings of it as they are."""
    import optuna

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(level)
