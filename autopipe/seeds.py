"""Randomness by name: adding a draw in one place moves nothing elsewhere."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

RandomState = int | np.random.Generator | np.random.RandomState | None


@dataclass(frozen=True)
class Seeds:
    """Named random streams that all derive from one root.

    The same root and names give the same stream in every process, whatever was drawn before.

    Examples
    --------
    >>> Seeds(7).number("folds") == Seeds(7).number("folds")
    True
    >>> Seeds(7).number("folds") == Seeds(8).number("folds")
    False
    """

    root: int

    @classmethod
    def of(cls, random_state: RandomState) -> Seeds:
        """Seeds of a scikit-learn style `random_state`; None takes fresh entropy."""
        if random_state is None:
            return cls(int(np.random.SeedSequence().generate_state(1)[0]))
        if isinstance(random_state, np.random.Generator):
            return cls(int(random_state.integers(2**31)))
        if isinstance(random_state, np.random.RandomState):
            return cls(int(random_state.randint(2**31 - 1)))
        return cls(int(random_state))

    def number(self, *names: object) -> int:
        """A seed in [0, 2**31) for one purpose; libraries in C take no larger ones."""
        text = "\x1f".join(str(name) for name in (self.root, *names))
        digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") % 2**31

    def stream(self, *names: object) -> np.random.Generator:
        """A generator for one purpose."""
        return np.random.default_rng(self.number(*names))
