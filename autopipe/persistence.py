"""A fitted model as one file of arrays and JSON; reading it runs nothing."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from autopipe.ensembles.corrected_score import Estimate, Score
from autopipe.ensembles.decisions import Decision, is_of_labels
from autopipe.ensembles.intervals import Conformal
from autopipe.ensembles.predictor import Member, Predictor
from autopipe.errors import StoreError, UnknownOperatorError
from autopipe.execution.files import DAMAGE, write_atomically
from autopipe.execution.store import row_of, trial_of
from autopipe.intake import Coding
from autopipe.labels import TargetCoding
from autopipe.metrics import Metric
from autopipe.operators.calibration import Temperature
from autopipe.operators.catalogue import add_operators
from autopipe.operators.declaration import Operator
from autopipe.operators.fitted import read_fitted, write_fitted
from autopipe.task import FloatArray, IntArray
from autopipe.trial import Trial

FORMAT = 2
"""Counts the changes of the file's layout."""

_HEAD = "model.json"
_LIBRARIES = ("autopipe", "numpy", "scikit-learn", "lightgbm", "xgboost")


@dataclass(frozen=True, eq=False)
class Model:
    """What a fit leaves, whoever made it.

    Parameters
    ----------
    coding, target_coding : how tables and targets are read
    predictor : predicts for coded tables
    decision : from probabilities to a class; None for the most probable one
    conformal : the errors that intervals and sets are made of
    trials : every finished trial
    facts : further plain values, such as the score
    """

    coding: Coding
    target_coding: TargetCoding
    predictor: Predictor
    decision: Decision | None
    conformal: Conformal
    trials: tuple[Trial, ...]
    facts: Mapping[str, Any]  # JSON

    @property
    def score(self) -> Score:
        """The cross-validated score with what is known of it, in the metric's usual sign."""
        name, sign = self.facts["score_name"], self.facts["score_sign"]
        if self.facts["estimate"] is None:
            return Score(float("nan"), name, None, sign)
        estimate = Estimate.restore(self.facts["estimate"])
        return Score(sign * estimate.score, name, estimate, sign)

    def chosen(self, probabilities: FloatArray) -> IntArray:
        """Codes of the classes that are predicted, shape (rows,)."""
        if self.decision is None:
            return np.asarray(probabilities.argmax(axis=1))
        return self.decision.choose(probabilities)

    def judged(self, predictions: FloatArray, metric: Metric) -> FloatArray:
        """Predictions as a metric is to see them: if of labels, certain of the chosen class."""
        n_classes = len(self.target_coding.classes)
        if n_classes and is_of_labels(metric, n_classes):
            return np.asarray(np.eye(n_classes)[self.chosen(predictions)])
        return predictions


def write_model(model: Model, path: Path) -> None:
    """Write a model to one zip file.

    Raises
    ------
    StoreError
        If the file cannot be written.
    """
    members, temperature = model.predictor.members, model.predictor.temperature
    head = {
        "format": FORMAT,
        "versions": {name: version(name) for name in _LIBRARIES},
        "coding": model.coding.state(),
        "target": model.target_coding.state(),
        "prior": model.predictor.prior.tolist(),
        "temperature": None if temperature is None else temperature.state(),
        "costs": None if model.decision is None else model.decision.costs.tolist(),
        "conformal": model.conformal.state(),
        "members": [[member.number, member.weight] for member in members],
        "trials": [list(row_of(trial)) for trial in model.trials],
        "facts": dict(model.facts),
    }

    def write(file: BinaryIO) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            archive.writestr(_HEAD, json.dumps(head))
            for member in members:
                with archive.open(_member_name(member.number), "w", force_zip64=True) as part:
                    write_fitted(part, member.models)

    try:
        write_atomically(path, write)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}.") from error


def read_model(path: Path, operators: Sequence[Operator] = ()) -> Model:
    """The model that `write_model` wrote; nothing in the file is ever run.

    Parameters
    ----------
    operators : the user's own that the model may have; these may unpickle what they wrote

    Raises
    ------
    StoreError
        If there is no such file, it is damaged, or a newer autopipe wrote it; or if it has
        operators that are neither autopipe's nor given.
    """
    add_operators(operators)
    own = [operator.name for operator in operators]
    try:
        with zipfile.ZipFile(path) as archive:
            head: dict[str, Any] = json.loads(archive.read(_HEAD))
            if head["format"] > FORMAT:
                raise StoreError(f"{path} was written by a newer autopipe; upgrade to read it.")
            members = []
            for number, weight in head["members"]:
                with archive.open(_member_name(number)) as file:
                    members.append(Member(number, weight, tuple(read_fitted(file, own))))
        return Model(
            Coding.restore(head["coding"]),
            TargetCoding.restore(head["target"]),
            Predictor(
                tuple(members),
                np.array(head["prior"]),
                None if (heat := head["temperature"]) is None else Temperature().restore(heat),
            ),
            None if head["costs"] is None else Decision(np.array(head["costs"])),
            Conformal.restore(head["conformal"]),
            tuple(trial_of(tuple(row)) for row in head["trials"]),
            head["facts"],
        )
    except FileNotFoundError as error:
        raise StoreError(f"There is no file {path}.") from error
    except UnknownOperatorError as error:
        raise StoreError(
            f"{path} was made with operators of your own: {error} If you trust the file, give "
            "them again, as in load(path, operators=[...])."
        ) from error
    except DAMAGE as error:
        if isinstance(error, StoreError):
            raise
        raise StoreError(f"{path} is no model of autopipe, or is damaged: {error}.") from error


def _member_name(number: int) -> str:
    return f"members/{number:06d}.npz"
