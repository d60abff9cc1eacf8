"""The fitted model of an exported script: predicts for tables as users have them."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autopipe.ensembles.decisions import Decision
from autopipe.ensembles.predictor import Member, Predictor
from autopipe.errors import InputError
from autopipe.intake.coding import Coding
from autopipe.intake.labels import TargetCoding
from autopipe.intake.reading import is_parquet
from autopipe.operators.calibration import Temperature
from autopipe.operators.fitted import unpacked
from autopipe.spreadsheet import without_formulas
from autopipe.task import FloatArray
from autopipe.tree import parse

if TYPE_CHECKING:
    import pandas as pd

HEAD = "model.json"
"""The file of an exported folder that names the others."""


@dataclass(frozen=True, eq=False)
class Delivered:
    """A fitted model.

    Parameters
    ----------
    coding, target_coding : how tables and targets are read
    predictor : predicts for coded tables
    decision : from probabilities to a class; None for the most probable one
    """

    coding: Coding
    target_coding: TargetCoding
    predictor: Predictor
    decision: Decision | None = None

    @property
    def classes_(self) -> np.ndarray:
        """The classes, sorted; empty where numbers are predicted."""
        return self.target_coding.classes

    def predict(self, X: Any) -> np.ndarray:
        """The class of every row, or a number, shape (rows,)."""
        return self._said(self.outputs(X))

    def predict_proba(self, X: Any) -> FloatArray:
        """Probabilities of shape (rows, classes), in the order of `classes_`."""
        return self.outputs(X)

    def outputs(self, X: Any) -> FloatArray:
        """Probabilities of the classes, or one number, of shape (rows, outputs)."""
        outputs = self.predictor.predict(self.coding.encode(X, "the model"))
        return self.target_coding.numbers(outputs)

    def _said(self, outputs: FloatArray) -> np.ndarray:
        if not len(self.classes_):
            return outputs[:, 0]
        if self.decision is None:
            return self.target_coding.decode(outputs.argmax(axis=1))
        return self.target_coding.decode(self.decision.choose(outputs))

    def told(self, X: Any) -> pd.DataFrame:
        """The column `prediction`, then one of probabilities for every class."""
        import pandas as pd

        outputs = self.outputs(X)
        shares = outputs if len(self.classes_) else outputs[:, :0]
        names = pd.Index(self.classes_.tolist(), dtype=object)
        frame = pd.DataFrame(shares, columns=names)
        frame.insert(0, "prediction", self._said(outputs), allow_duplicates=True)
        return frame


def write_predictions(frame: pd.DataFrame, out: str | Path | None) -> None:
    """Write predictions to a file, Parquet or CSV by its name, or as CSV to standard output.

    Raises
    ------
    InputError
        If Parquet cannot hold them.
    """
    if out is not None and is_parquet(Path(out)):
        try:
            frame.set_axis(frame.columns.map(str), axis=1).to_parquet(out, index=False)
        except (ValueError, TypeError) as error:  # labels of several types, a name twice
            raise InputError(f"{out} cannot be written: {error}. Give a .csv file.") from error
    else:
        without_formulas(frame).to_csv(out or sys.stdout, index=False)


def read_folder(folder: Path) -> Delivered:
    """The model that lies in a folder as JSON, arrays and the libraries' own formats."""
    head = json.loads((folder / HEAD).read_text(encoding="utf-8"))
    members: dict[int, Member] = {}
    for part in head["parts"]:  # inputs stand before those that read them
        inputs = tuple(members[number] for number in part["inputs"])
        tree, values = parse(part["tree"]), _values(folder, part)
        models = tuple(unpacked(tree, part["models"], values))
        members[part["number"]] = Member(part["number"], part["weight"], models, inputs)
    temperature, costs = head["temperature"], head["costs"]
    predictor = Predictor(
        tuple(members[number] for number in head["members"]),
        np.array(head["prior"]),
        None if temperature is None else Temperature().restore(temperature),
    )
    return Delivered(
        Coding.restore(head["coding"]),
        TargetCoding.restore(head["target"]),
        predictor,
        None if costs is None else Decision(np.array(costs)),
    )


def _values(folder: Path, part: Mapping[str, Any]) -> dict[str, Any]:
    """The states of a member's models, from all files that hold them."""
    values: dict[str, Any] = dict(part["plain"])
    for key, name in part["boosters"].items():
        values[key] = np.frombuffer((folder / name).read_bytes(), dtype=np.uint8)
    with np.load(folder / part["arrays"], allow_pickle=False) as stored:
        values.update({key: stored[key] for key in stored.files})
    return values
