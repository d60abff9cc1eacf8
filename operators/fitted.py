"""A tree whose operators are fitted: predicts, and packs itself into arrays and JSON."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import IO, Any, NamedTuple

import numpy as np

from autopipe.errors import UnknownOperatorError
from autopipe.matrix import Matrix
from autopipe.operators.catalogue import catalogue, estimator_for, operator_named
from autopipe.space import Value
from autopipe.table import Table
from autopipe.task import FloatArray
from autopipe.tree import TABLE_NAME, Node, Path, parse

Memo = dict[str, Matrix]
"""What stateless operators made of one table, by the text of the node."""


@dataclass(frozen=True, eq=False)
class FittedTree:
    """A tree with a fitted estimator for every node.

    Parameters
    ----------
    tree : the tree
    estimators : by the path of the node
    """

    tree: Node
    estimators: Mapping[Path, Any]  # transformers, learners, calibrators

    def predict(self, table: Table, memo: Memo | None = None) -> FloatArray:
        """Predictions for the rows of a table.

        Parameters
        ----------
        memo : shared between trees that predict the same table, so that what they have
            in common is made once

        Returns
        -------
        array of shape (rows, outputs)
        """
        return np.asarray(_through(self._steps, table, {} if memo is None else memo))

    def output(self, path: Path, table: Table) -> Any:  # as the operator there gives
        """What the sub-tree at `path` makes of a table."""
        return _through(self._steps[: len(self._steps) - len(path)], table, {})

    @cached_property
    def _steps(self) -> tuple[_Step, ...]:
        """From the table upwards."""
        nodes = [(path, node) for path, node in self.tree.walk() if node.op != TABLE_NAME]
        return tuple(
            _Step(
                str(node),
                self.estimators[path],
                operator_named(node.op).is_learner,
                is_stateless(node),
            )
            for path, node in reversed(nodes)
        )


class _Step(NamedTuple):
    """A fitted operator: one row may pass through hundreds, so little is left to ask of it."""

    text: str
    estimator: Any
    is_learner: bool
    is_stateless: bool


def _through(steps: Sequence[_Step], table: Table, memo: Memo) -> Any:
    data: Any = table
    for step in steps:
        if step.is_stateless and step.text in memo:
            data = memo[step.text]
            continue
        data = (
            step.estimator.predict(data) if step.is_learner else step.estimator.transform(data)
        )
        if step.is_stateless:
            memo[step.text] = data
    return data


def is_stateless(node: Node) -> bool:
    """Whether every operator below treats each row by itself and learns nothing."""
    return all(
        below.op == TABLE_NAME or operator_named(below.op).is_stateless
        for _, below in node.walk()
    )


def packed(
    trees: Sequence[FittedTree],
) -> tuple[dict[str, np.ndarray], dict[str, Value | list[Value]]]:
    """The arrays and the plain values of fitted trees, by place, path and name."""
    arrays: dict[str, np.ndarray] = {}
    plain: dict[str, Value | list[Value]] = {}
    for index, fitted in enumerate(trees):
        for path, estimator in fitted.estimators.items():
            for name, value in estimator.state().items():
                key = "/".join((str(index), *map(str, path), name))
                if isinstance(value, np.ndarray):
                    arrays[key] = np.ascontiguousarray(value)
                else:
                    plain[key] = value
    return arrays, plain


def unpacked(tree: Node, count: int, values: Mapping[str, Any]) -> list[FittedTree]:
    """The fitted trees of one text whose arrays and plain values these are."""
    states: dict[tuple[int, Path], dict[str, Any]] = {}
    for key, value in values.items():
        index, *steps, name = key.split("/")
        states.setdefault((int(index), tuple(map(int, steps))), {})[name] = value
    return [
        FittedTree(
            tree,
            {
                path: estimator_for(node).restore(states.get((index, path), {}))
                for path, node in tree.walk()
                if node.op != TABLE_NAME
            },
        )
        for index in range(count)
    ]


def write_fitted(file: IO[bytes], trees: Sequence[FittedTree]) -> None:
    """Write fitted trees of one text, such as the fold models of a trial, as one .npz."""
    arrays, plain = packed(trees)
    text = json.dumps({"tree": str(trees[0].tree), "count": len(trees), "plain": plain})
    np.savez(file, json=np.frombuffer(text.encode(), dtype=np.uint8), **arrays)  # type: ignore[arg-type]  # the stub takes keywords for a flag


def read_fitted(file: IO[bytes], own: Collection[str] | None = None) -> list[FittedTree]:
    """The trees that `write_fitted` wrote; nothing in the file is ever run.

    That holds for the operators of the catalogue; a user's own may unpickle.

    Parameters
    ----------
    own : names of operators beside the catalogue's that are allowed; None for any

    Raises
    ------
    UnknownOperatorError
        If the trees have other operators.
    """
    with np.load(file, allow_pickle=False) as stored:
        head = json.loads(stored["json"].tobytes().decode())
        values = {
            **head["plain"],
            **{key: stored[key] for key in stored.files if key != "json"},
        }
    tree = parse(head["tree"])
    names = {node.op for _, node in tree.walk()} - {TABLE_NAME, *catalogue()}
    if own is not None and not names <= set(own):
        raise UnknownOperatorError(f"{', '.join(sorted(names))}: no operator of autopipe's.")
    return unpacked(tree, head["count"], values)
