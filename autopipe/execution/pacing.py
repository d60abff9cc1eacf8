"""What a trial is given: seconds, and the share of the rows that it can learn from in them."""

from __future__ import annotations

from dataclasses import dataclass

from autopipe.clock import Clock
from autopipe.execution.cost_model import CostModel
from autopipe.tree import Node

_LONGEST_SHARE = 0.35  # of the budget, that one trial may take: then learners stop,
_CORES_SHARE = 0.175  # and of the core-seconds
_FIRST_SHARE = 0.1  # of the budget for the first trial, so that a model is there early;
_FEWEST_SECONDS = 1.0  # of any trial, as long as there are some left
_FIRST_SLACK = 0.5  # of the first prediction: the trial must not fail, and little is known yet
_MOST_HOPE = 5.0  # times the time that is left: what takes longer cannot be the first either
_SHARES = (1.0, 0.5, 0.25, 0.125)
_TINY_SHARES = (1 / 16, 1 / 32, 1 / 64)  # of huge tables, for the first model
_FEWEST_ROWS = 5_000  # of a fold, that a trial learns from where there are more
_GLIMPSE_SHARE = 0.08  # of the budget, for one fold on all rows; few screens take a third of it
_SLACK = 1.5  # of a prediction: a learner that stops at two thirds has lost little,
_MOST_SLACK = 3.0  # and at one third, something; rows of a small table are worth more


@dataclass(frozen=True)
class Terms:
    """What a trial is given.

    Parameters
    ----------
    seconds : after which its learners stop
    train_share : of each fold's training rows
    is_screen : whether a glimpse of one fold is enough
    """

    seconds: float = float("inf")
    train_share: float = 1.0
    is_screen: bool = False


@dataclass(frozen=True)
class Pace:
    """Decides what each trial is given, and which are not worth starting.

    A learner that ends on fewer rows beats one that is cut off after a few rounds on all.
    Without a clock every trial has all rows and no end, so that the run can be repeated.

    Parameters
    ----------
    costs : predicts what a trial takes
    clock : of the whole fit
    search_end : time on the clock's axis when learners have to stop
    cores_share : of all cores, that one trial has
    max_megabytes : that a trial may hold, beside the table and the libraries
    """

    costs: CostModel
    clock: Clock
    search_end: float
    cores_share: float = 1.0
    max_megabytes: float = float("inf")

    def glimpse(self, share: float) -> Terms | None:
        """What a tree is given that is screened on a share of the rows of one fold."""
        budget = self.clock.budget
        if budget is None:
            return Terms(train_share=share, is_screen=True)
        seconds = _GLIMPSE_SHARE * share * budget
        has_time = self.clock.now() + seconds < self.search_end
        return Terms(seconds, share, is_screen=True) if has_time else None

    def terms(self, tree: Node, is_first: bool) -> Terms | None:
        """What the tree is given; None where it cannot end in time, or has no room.

        Parameters
        ----------
        is_first : whether there is no model yet, and nothing runs that may give one: then
            the tree is tried where there is any hope, and has less time
        """
        budget = self.clock.budget
        if budget is None:
            return Terms()
        longest = min(_LONGEST_SHARE, _CORES_SHARE / self.cores_share) * budget
        seconds = max(_FEWEST_SECONDS, _FIRST_SHARE * budget if is_first else longest)
        left = min(seconds, self.search_end - self.clock.now())
        rows = self.costs.train_rows
        wanted = _SHARES + _TINY_SHARES * is_first
        shares = [share for share in wanted if share == 1.0 or share * rows >= _FEWEST_ROWS]
        for share in shares:
            estimate = self.costs.predict(tree, share)
            has_room = estimate.megabytes <= self.max_megabytes
            slack = _MOST_SLACK if share == shares[-1] else _SLACK
            slack = _FIRST_SLACK if is_first else slack
            if has_room and estimate.seconds <= slack * left:
                return Terms(seconds, share)
        if not is_first or estimate.seconds > _MOST_HOPE * left:
            return None
        needed = min(longest, estimate.seconds / _FIRST_SLACK)  # a late model beats none
        return Terms(max(seconds, needed), shares[-1])
