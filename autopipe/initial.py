"""The trees that a user wants to begin with: text, or the best of a former run."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from autopipe.errors import OptionError, StoreError
from autopipe.execution.store import Store
from autopipe.export.pipelines import tree_of
from autopipe.export.reading import trees_in
from autopipe.operators.catalogue import learner_of, operator_named
from autopipe.tree import TABLE, Node, parse
from autopipe.trial import Source, Trial

_MOST = 10  # trees of a former run: more would take the time for new ones


def initial_trees(init: Any) -> list[Node]:
    """The trees that `init` stands for, in the order in which they are to be judged.

    Parameters
    ----------
    init : None, the text of a tree, a script that `export` wrote, the folder of a run, a
        fitted estimator, a pipeline of scikit-learn's, or a list of such

    Raises
    ------
    OptionError
        If it is none of these, or a pipeline with steps that no operator is like.
    TreeError, UnknownOperatorError
        If a text is no tree, or has an operator that there is not.
    StoreError
        If the folder holds no run, or the script cannot be read.
    """
    if init is None:
        return []
    if isinstance(init, (list, tuple)):
        return list(dict.fromkeys(tree for each in init for tree in initial_trees(each)))
    if hasattr(init, "history_"):
        return best_trees(init._model.trials)
    if hasattr(type(init), "front_"):
        raise OptionError(
            f"init={type(init).__name__}(...) is one of ours that was not fitted, or "
            "scikit-learn cloned it, as cross_val_score and GridSearchCV do. Give the folder "
            "of its run, a script that it exported, or list(model.leaderboard()['tree'][1:])."
        )
    if hasattr(init, "get_params"):
        return [tree_of(init)]
    if not isinstance(init, (str, PathLike)):
        raise OptionError(
            f"init={init!r}: give the text of a tree, a script, the folder of a run, a fitted "
            "estimator, a pipeline of scikit-learn, or a list of such."
        )
    path = Path(init)
    if path.suffix == ".py":
        return _of_script(path)
    if isinstance(init, PathLike) or "(" not in init:  # every tree calls a learner
        with Store.open(path) as store:
            return best_trees(store.trials())
    return [_checked(parse(init))]


def best_trees(trials: Sequence[Trial]) -> list[Node]:
    """The best trees of a run: the best of every learner first, then by score."""
    complete = [t for t in trials if t.score is not None and t.source is not Source.STACK]
    ranked = sorted(complete, key=lambda trial: (-(trial.score or 0.0), trial.number))
    trees = list(dict.fromkeys(trial.tree for trial in ranked))
    leaders = {learner_of(tree): tree for tree in reversed(trees)}.values()
    return sorted(trees, key=lambda tree: tree not in leaders)[:_MOST]


def _of_script(path: Path) -> list[Node]:
    try:
        script = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"init={str(path)!r}: the script cannot be read: {error}.") from error
    return [_checked(parse(text)) for text in trees_in(script)]


def _checked(tree: Node) -> Node:
    """The tree, whose operators are all known."""
    for _, node in tree.walk():
        if node != TABLE:
            operator_named(node.op)
    return tree
