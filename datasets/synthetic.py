"""Toy tables of dozens of rows with every awkward thing in them."""

from __future__ import annotations

import numpy as np

from autopipe.roles import Role
from autopipe.table import Schema, Table, Texts, place_columns
from autopipe.task import Target, TaskKind

_ROLES = {
    "c0": Role.NUMERIC,  # carries signal
    "c1": Role.NUMERIC,  # heavy tail
    "c2": Role.NUMERIC,  # too precise for float32
    "c3": Role.NUMERIC,  # constant in these rows
    "c4": Role.NUMERIC,  # missing everywhere
    "c5": Role.BOOLEAN,
    "c6": Role.CATEGORICAL,  # carries signal
    "c7": Role.CATEGORICAL,  # many levels, most of them rare and some never met
    "c8": Role.DATETIME,
    "c9": Role.TEXT,  # carries signal; some words are met once
    "c10": Role.TEXT,  # never a word
}
_LEVELS = {"c6": 3, "c7": 40}
_TIMES = (-1e9, 2e9)  # seconds since 1970: from 1938 to 2033
_WORDS = ("Tea", "coffee", "Straße", "茶", "naïve", "12.50", "", "\n", "😀", "a/b")
_NO_WORDS = ("", " ", "?!", "—")


def toy_schema() -> Schema:
    """The columns of every toy table."""
    return place_columns(_ROLES, _LEVELS, dict.fromkeys(_ROLES, True), frozenset({"c2"}))


def toy_table(
    kind: TaskKind,
    rows: int = 60,
    seed: int = 0,
    *,
    missing: float = 0.15,
    is_rare: bool = False,
    is_weighted: bool = False,
) -> tuple[Table, Target]:
    """A table whose target follows from its columns, the same for the same arguments.

    Parameters
    ----------
    missing : share of the values that are missing
    is_rare : whether the first class is met in the first row alone
    is_weighted : whether rows weigh from 0.5 to 2

    Examples
    --------
    >>> table, target = toy_table(TaskKind.BINARY, rows=8)
    >>> len(table), sorted(set(target.y.tolist()))
    (8, [0, 1])
    """
    rng = np.random.default_rng(seed)
    signal, level = rng.normal(size=rows), rng.integers(3, size=rows)
    tail = np.exp(3.0 * rng.normal(size=rows))
    flag = rng.integers(2, size=rows)
    nothing = np.full(rows, np.nan)
    numbers = np.column_stack([signal, tail, np.full(rows, 7.0), nothing, flag])
    precise = np.column_stack(
        [16_777_216.0 + np.arange(rows) / 8, rng.uniform(*_TIMES, size=rows).round()]
    )
    crowd = np.minimum(rng.geometric(0.15, size=rows), 39) - 1
    codes = np.column_stack([level, crowd])
    for block, gap in ((numbers, np.nan), (precise, np.nan), (codes, -1)):
        block[rng.random(block.shape) < missing] = gap
    numbers[:, 2] = 7.0
    table = Table(
        toy_schema(),
        np.asfortranarray(numbers, np.float32),
        np.asfortranarray(precise, np.float64),
        np.asfortranarray(codes, np.int32),
        _texts(signal, missing, np.random.default_rng((seed, 1))),
    )
    weights = rng.uniform(0.5, 2.0, size=rows) if is_weighted else None
    score = signal + 1.5 * (level == 1) + rng.normal(size=rows)
    return table, _target(kind, score, is_rare, weights)


def _texts(signal: np.ndarray, missing: float, rng: np.random.Generator) -> tuple[Texts, Texts]:
    """Sentences that say whether the signal is high, and texts without a word."""
    sentences = [
        " ".join([f"x{rng.integers(10**6)}", "High" if high else "low", *rng.choice(_WORDS, 3)])
        for high in signal > 0
    ]
    kept = rng.random(len(signal)) >= missing
    said = [text if keep else "" for text, keep in zip(sentences, kept, strict=True)]
    return Texts.of(said), Texts.of([str(text) for text in rng.choice(_NO_WORDS, len(signal))])


def _target(
    kind: TaskKind, score: np.ndarray, is_rare: bool, weights: np.ndarray | None
) -> Target:
    """Classes of equal size in the order of the score, or the score on a scale of its own."""
    if kind is TaskKind.REGRESSION:
        return Target(kind, 1000.0 + 10.0 * score, 0, weights)
    n_classes = 2 if kind is TaskKind.BINARY else 4
    y = (score.argsort().argsort() * n_classes // len(score)).astype(np.int32)
    if is_rare:
        y[y == 0] = 1
        y[0] = 0
    return Target(kind, y, n_classes, weights)
