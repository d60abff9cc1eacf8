"""Hyperparameters of a learner, proposed from what all trials of it have scored."""

from __future__ import annotations

import numpy as np

from autopipe.evolution.grammar import Grammar
from autopipe.evolution.studies import Study
from autopipe.evolution.template import Choose
from autopipe.tree import Node, Path

_FEWEST = 8  # trials of a learner: from fewer there is nothing to learn


class Tuner:
    """Puts hyperparameters into trees that TPE proposes for their learner.

    Parameters
    ----------
    grammar : the trees there are
    """

    def __init__(self, grammar: Grammar) -> None:
        self._operators = grammar.operators
        self._studies: dict[str, Study] = {}

    def learn(self, tree: Node, score: float) -> None:
        """Take note of a tree with all its hyperparameters, and of its score."""
        learner = tree.at(self._learner(tree))
        if learner.op not in self._studies:
            self._studies[learner.op] = Study("tpe", _FEWEST)
        space = self._operators[learner.op].space
        choices = {name: (space[name], value) for name, value in learner.params}
        self._studies[learner.op].add(choices, score, learner)

    def tuned(self, tree: Node, rng: np.random.Generator) -> Node:
        """The tree with other hyperparameters; itself while too little is known."""
        path = self._learner(tree)
        learner = tree.at(path)
        study = self._studies.get(learner.op)
        if study is None or len(study) < _FEWEST or not learner.params:
            return tree

        def make(choose: Choose) -> Node:
            space = self._operators[learner.op].space
            return learner.with_params({name: choose(name, space[name]) for name in space})

        return tree.replaced(path, study.propose(int(rng.integers(2**31)), make))

    def _learner(self, tree: Node) -> Path:
        """The way to the learner that is next to the root."""
        learners = {name for name, operator in self._operators.items() if operator.is_learner}
        return next(path for path, node in tree.walk() if node.op in learners)
