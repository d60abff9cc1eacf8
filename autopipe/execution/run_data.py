"""What every worker of a run needs, written once and mapped into memory by each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from autopipe.folds import Folds
from autopipe.table import Table
from autopipe.task import Target, TaskKind


@dataclass(frozen=True, eq=False)
class RunData:
    """The coded table, the target and the folds of a run.

    Scores are not a worker's business, so the metric stays with the controller.
    """

    table: Table
    target: Target
    folds: Folds

    def save(self, folder: Path) -> None:
        """Write everything into `folder`, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        self.table.save(folder)
        np.save(folder / "y.npy", self.target.y)
        if self.target.weights is not None:
            np.save(folder / "weights.npy", self.target.weights)
        for index, (train, held_out) in enumerate(self.folds.pairs):
            np.save(folder / f"fold{index}.train.npy", train)
            np.save(folder / f"fold{index}.held_out.npy", held_out)
        head = {
            "kind": self.target.kind,
            "n_classes": self.target.n_classes,
            "is_weighted": self.target.weights is not None,
            "folds": len(self.folds),
        }
        (folder / "task.json").write_text(json.dumps(head))

    @classmethod
    def open(cls, folder: Path) -> RunData:
        """What `save` wrote; the blocks of the table are mapped, not read."""
        head = json.loads((folder / "task.json").read_text())
        y = np.load(folder / "y.npy")
        weights = np.load(folder / "weights.npy") if head["is_weighted"] else None
        pairs = tuple(
            (
                np.load(folder / f"fold{index}.train.npy"),
                np.load(folder / f"fold{index}.held_out.npy"),
            )
            for index in range(head["folds"])
        )
        return cls(
            Table.open(folder),
            Target(TaskKind(head["kind"]), y, head["n_classes"], weights),
            Folds(pairs, len(y)),
        )
