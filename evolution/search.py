"""What a search is: it proposes trees and learns what became of them."""

from __future__ import annotations

from typing import Protocol

from autopipe.trial import Proposal, Trial


class Search(Protocol):
    """Asked for trees, told of trials; knows no clock, no process and no data.

    Trials may be told in any order, and asked for while others are still running. A search
    that is told of trials it has not proposed, as when a run is resumed, learns from them too.
    One that ends before its time may say why in an attribute `ended`.
    """

    def ask(self) -> Proposal | None:
        """The next tree to judge; None where there is nothing to propose now."""
        ...

    def tell(self, trial: Trial) -> None:
        """Take note of a finished trial, failed ones included."""
        ...
