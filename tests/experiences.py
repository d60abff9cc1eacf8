"""Made-up experiences for tests of what is recommended."""

from __future__ import annotations

import numpy as np

from autopipe.datasets.experience import Experience, Result, experience
from autopipe.datasets.synthetic import toy_table
from autopipe.task import TaskKind

STRONG = "lightgbm(codes(table), num_leaves=31)"
TWIN = "lightgbm(codes(table), num_leaves=30)"
OTHER = "extra_trees(impute(codes(table)))"
WEAK = "ridge(standard_scaling(impute(codes(table))))"


def made_up(
    name: str = "toys",
    kind: TaskKind = TaskKind.REGRESSION,
    trees: tuple[str, ...] = (STRONG, TWIN, OTHER, WEAK),
    rows: int = 300,
    seed: int = 0,
) -> Experience:
    """Trees whose errors are as their names say: a twin errs where the strong one does."""
    table, target = toy_table(kind, rows=rows, seed=seed)
    rng = np.random.default_rng(seed)
    truth = (
        target.y[:, None] if kind is TaskKind.REGRESSION else np.eye(target.n_classes)[target.y]
    )
    noise = {tree: rng.normal(size=truth.shape) for tree in (STRONG, OTHER, WEAK)}
    noise[TWIN] = noise[STRONG] + 0.05 * rng.normal(size=truth.shape)
    share = {STRONG: 0.3, TWIN: 0.3, OTHER: 0.4, WEAK: 0.9}
    predictions = [truth + share[tree] * truth.std() * noise[tree] for tree in trees]
    results = [Result(tree, "complete", (0.5, 0.25), 1.5, 20.0) for tree in trees]
    return experience(name, "metric", table, target, results, np.stack(predictions))
