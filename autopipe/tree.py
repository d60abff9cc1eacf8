"""A pipeline as an immutable tree that prints as an expression and parses back.

>>> tree = parse("lightgbm(codes(table), learning_rate=0.05)")
>>> str(tree)
'lightgbm(codes(table), learning_rate=0.05)'
>>> tree.inputs[0].op
'codes'

Formulas of added columns are one hyperparameter, written as they are behind the table:

>>> parse("lightgbm(codes(with_features(table, ratio(c1, c2), count(c3))))").at((0, 0)).params
(('formulas', 'ratio(c1, c2), count(c3)'),)
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from autopipe.errors import TreeError
from autopipe.space import Value

Path = tuple[int, ...]
"""The way to a node: the index among the inputs at every step down from the root."""

TABLE_NAME = "table"
WITH_FEATURES = "with_features"
FORMULAS = "formulas"
"""The hyperparameter of `WITH_FEATURES` that prints as what follows the input."""

_DEEPEST = 50  # of a parsed text; far beyond what a search builds


@dataclass(frozen=True)
class Node:
    """One operator with its hyperparameters and the nodes that feed it.

    Parameters
    ----------
    op : name of the operator; "table" is the leaf that stands for the user's table
    params : name and value of every hyperparameter, sorted by name
    inputs : the nodes whose output this one takes
    """

    op: str
    params: tuple[tuple[str, Value], ...] = ()
    inputs: tuple[Node, ...] = ()
    _text: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "params", tuple(sorted(self.params)))
        words = [str(node) for node in self.inputs]
        for name, value in self.params:
            is_bare = self.op == WITH_FEATURES and name == FORMULAS
            words.append(str(value) if is_bare else f"{name}={value!r}")
        text = f"{self.op}({', '.join(words)})" if words else self.op
        object.__setattr__(self, "_text", text)

    def __str__(self) -> str:
        return self._text

    @property
    def hyperparameters(self) -> dict[str, Value]:
        """The hyperparameters as a mapping."""
        return dict(self.params)

    @property
    def size(self) -> int:
        """Number of nodes, the table not counted."""
        return sum(node.op != TABLE_NAME for _, node in self.walk())

    @property
    def depth(self) -> int:
        """Nodes on the longest way from the root to a leaf."""
        return 1 + max((node.depth for node in self.inputs), default=0)

    def walk(self, path: Path = ()) -> Iterator[tuple[Path, Node]]:
        """Every node with the way to it, the root first."""
        yield path, self
        for index, node in enumerate(self.inputs):
            yield from node.walk((*path, index))

    def at(self, path: Path) -> Node:
        """The node at the end of the path."""
        node = self
        for index in path:
            node = node.inputs[index]
        return node

    def replaced(self, path: Path, new: Node) -> Node:
        """A copy with the node at `path` replaced."""
        if not path:
            return new
        index, *rest = path
        inputs = list(self.inputs)
        inputs[index] = inputs[index].replaced(tuple(rest), new)
        return Node(self.op, self.params, tuple(inputs))

    def with_params(self, params: Mapping[str, Value]) -> Node:
        """A copy with other hyperparameters."""
        return Node(self.op, tuple(params.items()), self.inputs)


TABLE = Node(TABLE_NAME)
"""The leaf that stands for the user's table."""


def parse(text: str) -> Node:
    """The tree that prints as `text`; nothing in the text is ever run.

    Raises
    ------
    TreeError
        If the text is not an expression of operators, inputs and `name=value` pairs.
    """
    try:
        expression = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise TreeError(f"{text[:200]!r} is no tree: {error}.") from error
    return _node_of(expression, text, 1)


def _node_of(expression: ast.expr, text: str, depth: int) -> Node:
    if depth > _DEEPEST:
        raise TreeError(f"{text[:200]!r} is deeper than {_DEEPEST} operators.")
    match expression:
        case ast.Name(id=name):
            return Node(name)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=keywords):
            params = [(word.arg, _value_of(word.value, text)) for word in keywords if word.arg]
            is_whole = len(params) == len(keywords)
            if name == WITH_FEATURES and len(arguments) > 1:
                arguments, formulas = arguments[:1], arguments[1:]
                params.append((FORMULAS, _written(formulas, text)))
            if not is_whole or len(dict(params)) < len(params):
                raise TreeError(f"{text[:200]!r}: {name} needs name=value pairs, each once.")
            inputs = tuple(_node_of(argument, text, depth + 1) for argument in arguments)
            return Node(name, tuple(params), inputs)
    raise TreeError(
        f"{text[:200]!r}: met {ast.unparse(expression)[:50]!r} where an operator was wanted, "
        "such as codes(table)."
    )


def _written(formulas: list[ast.expr], text: str) -> str:
    try:
        return ", ".join(map(ast.unparse, formulas))
    except RecursionError as error:
        raise TreeError(f"{text[:200]!r}: a formula is too deep.") from error


def _value_of(expression: ast.expr, text: str) -> Value:
    try:
        value = ast.literal_eval(expression)
    except (ValueError, TypeError):  # a set of lists raises the latter
        value = ...
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TreeError(
        f"{text[:200]!r}: met {ast.unparse(expression)[:50]!r} where a hyperparameter's value "
        "was wanted: a number, a text, True, False or None."
    )
