"""Trees for tests, from short texts."""

from __future__ import annotations

from autopipe.operators.catalogue import catalogue
from autopipe.space import defaults
from autopipe.tree import TABLE_NAME, Node, parse


def full(text: str) -> Node:
    """The tree with defaults for what its text leaves out."""
    return _completed(parse(text))


def _completed(node: Node) -> Node:
    if node.op == TABLE_NAME:
        return node
    params = {**defaults(catalogue()[node.op].space), **node.hyperparameters}
    return Node(node.op, tuple(params.items()), tuple(map(_completed, node.inputs)))
