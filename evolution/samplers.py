"""Random search, TPE and CMA-ES: the baselines that evolution has to beat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from autopipe.evolution.grammar import Grammar
from autopipe.evolution.ladder import Ladder
from autopipe.evolution.steady import Steady
from autopipe.evolution.studies import Study
from autopipe.evolution.template import ROOT, Choose, Template
from autopipe.seeds import Seeds
from autopipe.space import Domain, Value
from autopipe.tree import Node
from autopipe.trial import Proposal, Source, Trial

_TRIES = 10  # trees of the sampler, and then random ones, that may all be known


class Sampled(Steady):
    """Trees whose learner, preparation and hyperparameters one of Optuna's samplers chooses.

    CMA-ES knows numbers alone, all of them in every trial: it has a study for every learner,
    which is drawn at random as are the choices that are no numbers.

    Parameters
    ----------
    portfolio, grammar, seeds, lag, init, ladder : see `Steady`
    sampler : "random", "tpe" or "cmaes"
    """

    def __init__(
        self,
        portfolio: Sequence[Node],
        grammar: Grammar,
        seeds: Seeds,
        sampler: str,
        lag: int | None = None,
        init: Sequence[Node] = (),
        ladder: Ladder | None = None,
    ) -> None:
        super().__init__(portfolio, grammar, seeds, lag, init, ladder)
        self._sampler = sampler
        self._studies: dict[str, Study] = {}

    def _proposals(self, rng: np.random.Generator) -> Iterator[Proposal]:
        for _ in range(_TRIES):
            root = str(self._template.roots().draw(rng)) if self._sampler == "cmaes" else ""
            make = partial(_made, self._template, root)
            tree = self._study(root).propose(int(rng.integers(2**31)), make)
            yield Proposal(self._next, tree, Source(self._sampler))
        for _ in range(_TRIES):  # it is sure of something known
            tree = self._template.tree(lambda name, domain: domain.draw(rng))
            yield Proposal(self._next, tree, Source.RANDOM)

    def _study(self, root: str) -> Study:
        if root not in self._studies:
            self._studies[root] = Study(self._sampler)
        return self._studies[root]

    def _learn(self, trial: Trial, tree: Node) -> None:
        assert trial.score is not None
        choices = dict(self._template.choices(tree))
        if not choices:
            return  # a tree that the template does not lead to
        root = ""
        if self._sampler == "cmaes":
            root = tree.op
            del choices[ROOT]
        self._study(root).add(choices, trial.score, tree)


def _made(template: Template, root: str, choose: Choose) -> Node:
    """The tree of the choices, with a root that may be given."""

    def chosen(name: str, domain: Domain) -> Value:
        return root if root and name == ROOT else choose(name, domain)

    return template.tree(chosen)
