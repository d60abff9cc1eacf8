"""The operators of an exported script, by the names that its trees have for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from autopipe.tree import Node


@dataclass(frozen=True)
class Known:
    """What a name in a tree stands for.

    Parameters
    ----------
    build : makes an estimator from its hyperparameters
    is_learner : whether it makes predictions from a matrix
    is_calibrator : whether it corrects predictions
    is_stateless : whether the output of a row depends on that row alone
    """

    build: Callable[..., Any]
    is_learner: bool = False
    is_calibrator: bool = False
    is_stateless: bool = False


OPERATORS: dict[str, Known] = {}


def operator_named(name: str) -> Known:
    """What a name in a tree stands for."""
    return OPERATORS[name]


def estimator_for(node: Node) -> Any:  # a transformer, learner or calibrator
    """An unfitted estimator with the hyperparameters of the node."""
    return OPERATORS[node.op].build(**node.hyperparameters)
