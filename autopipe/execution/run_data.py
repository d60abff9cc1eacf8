"""What every worker of a run needs, written once and mapped into memory by each."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from autopipe.errors import StoreError
from autopipe.execution.files import DAMAGE
from autopipe.folds import Folds
from autopipe.table import Table
from autopipe.task import Loss, Target, TaskKind


@dataclass(frozen=True, eq=False)
class RunData:
    """The coded table, the target and the folds of a run.

    Scores are not a worker's business, so the metric stays with the controller.
    """

    table: Table
    target: Target
    folds: Folds

    @cached_property
    def fingerprints(self) -> dict[str, str]:
        """Hashes of the table, the target and the folds: equal for equal ones, everywhere."""
        target = self.target
        loss = None if target.loss is Loss.SQUARED else target.loss
        unusual = [one for one in (target.weights, loss, target.groups) if one is not None]
        return {
            "table": self.table.fingerprint(),
            "target": _hash(target.kind, target.n_classes, target.y, *unusual),
            "folds": _hash(*(rows for pair in self.folds.pairs for rows in pair)),
        }

    def save(self, folder: Path) -> None:
        """Write everything into `folder`, which is made, unless it is there and whole.

        Raises
        ------
        StoreError
            If it cannot be written, or the disk has no room for it.
        """
        if self._is_in(folder):
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(folder).free
            if free < self.table.nbytes:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._write(folder)
        except OSError as error:
            raise StoreError(
                f"{folder} cannot be written: {error.strerror}. The table takes "
                f"{self.table.nbytes / 1e6:.0f} MB; free space or give another folder."
            ) from error

    def _is_in(self, folder: Path) -> bool:
        try:
            return RunData.open(folder).fingerprints == self.fingerprints
        except DAMAGE:  # nothing is there yet, or a kill came halfway
            return False

    def _write(self, folder: Path) -> None:
        self.table.save(folder)
        np.save(folder / "y.npy", self.target.y)
        if self.target.weights is not None:
            np.save(folder / "weights.npy", self.target.weights)
        if self.target.groups is not None:
            np.save(folder / "groups.npy", self.target.groups)
        for index, (train, held_out) in enumerate(self.folds.pairs):
            np.save(folder / f"fold{index}.train.npy", train)
            np.save(folder / f"fold{index}.held_out.npy", held_out)
        head = {
            "kind": self.target.kind,
            "n_classes": self.target.n_classes,
            "is_weighted": self.target.weights is not None,
            "is_grouped": self.target.groups is not None,
            "loss": self.target.loss,
            "folds": len(self.folds),
        }
        (folder / "task.json").write_text(json.dumps(head))

    @classmethod
    def open(cls, folder: Path) -> RunData:
        """What `save` wrote; the blocks of the table are mapped, not read."""
        head = json.loads((folder / "task.json").read_text())
        y = np.load(folder / "y.npy")
        weights = np.load(folder / "weights.npy") if head["is_weighted"] else None
        # Folders of former versions name neither loss nor groups.
        loss = Loss(head.get("loss", Loss.SQUARED))
        groups = np.load(folder / "groups.npy") if head.get("is_grouped") else None
        pairs = tuple(
            (
                np.load(folder / f"fold{index}.train.npy"),
                np.load(folder / f"fold{index}.held_out.npy"),
            )
            for index in range(head["folds"])
        )
        return cls(
            Table.open(folder),
            Target(TaskKind(head["kind"]), y, head["n_classes"], weights, loss, groups),
            Folds(pairs, len(y)),
        )


def _hash(*parts: np.ndarray | str | int) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        array = np.ascontiguousarray(part)  # texts too; type and shape keep parts apart
        digest.update(f"{array.dtype.str}{array.shape}".encode() + array.tobytes())
    return digest.hexdigest()
