"""Which learners are not worth another trial in this run."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection

from autopipe.tree import Node
from autopipe.trial import Status, Trial

log = logging.getLogger(__name__)

# What costs a worker, or the most time that a trial may take. An error costs next to nothing,
# and may be the fault of whatever prepared the table.
_COSTLY = {Status.CRASH, Status.MEMORY, Status.TIMEOUT}
_FROM_OUTSIDE = ("SIGKILL", "lost the process")  # a worker killed by who knows whom
_MOST_COSTLY = 5  # alike: fewer may be the fault of hyperparameters, or of what came before
_MOST_IMPORTS = 2  # a library that is missing or broken stays so
_BROKEN_IMPORTS = (
    *("ImportError", "ModuleNotFoundError", "cannot open shared object", "undefined symbol"),
    "could not be loaded",  # XGBoost's word for it
)


class Breaker:
    """Switches a learner off that has failed alike too often and was never complete.

    Parameters
    ----------
    learners : the names of all learners
    """

    def __init__(self, learners: Collection[str]) -> None:
        self._learners = learners
        self._proven: set[str] = set()
        self._failures: Counter[tuple[str, str]] = Counter()
        self._off: set[str] = set()

    def note(self, trial: Trial) -> None:
        """Count a trial; say so, once, where it is one too many."""
        names = (node.op for _, node in trial.tree.walk())
        learner = next((name for name in names if name in self._learners), None)
        if learner is None or learner in self._off:
            return
        if trial.is_complete:
            self._proven.add(learner)
        is_import = trial.status is Status.ERROR and _has_any(_BROKEN_IMPORTS, trial)
        is_costly = trial.status in _COSTLY and not _has_any(_FROM_OUTSIDE, trial)
        if is_import or is_costly:
            self._failures[learner, trial.reason] += 1
            count = self._failures[learner, trial.reason]
            most = _MOST_IMPORTS if is_import else _MOST_COSTLY
            if count >= most and learner not in self._proven:
                self._off.add(learner)
                log.warning(
                    "%s is switched off for the rest of this run: %d trials of it, and none "
                    "was completed, ended so: %s. failures() tells more.",
                    learner,
                    count,
                    trial.failure or trial.status,
                )

    def allows(self, tree: Node) -> bool:
        """Whether nothing in the tree is switched off."""
        return self._off.isdisjoint(node.op for _, node in tree.walk())


def _has_any(signs: Collection[str], trial: Trial) -> bool:
    return any(sign in trial.failure for sign in signs)
