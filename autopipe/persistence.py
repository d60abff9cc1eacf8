"""A fitted model as one file of arrays and JSON; reading it runs nothing."""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from autopipe.ensembles.predictor import Member, Predictor
from autopipe.errors import StoreError
from autopipe.execution.files import write_atomically
from autopipe.execution.store import row_of, trial_of
from autopipe.intake import Coding
from autopipe.labels import TargetCoding
from autopipe.operators.fitted import read_fitted, write_fitted
from autopipe.trial import Trial

FORMAT = 1
"""Counts the changes of the file's layout."""

_HEAD = "model.json"
_DAMAGE = (  # what unpacking raises where bytes were lost or changed
    *(OSError, EOFError, zipfile.BadZipFile, zlib.error, struct.error, RuntimeError),
    *(LookupError, TypeError, AttributeError, ValueError),
)
_LIBRARIES = ("autopipe", "numpy", "scikit-learn", "lightgbm", "xgboost")


@dataclass(frozen=True, eq=False)
class Model:
    """What a fit leaves, whoever made it.

    Parameters
    ----------
    coding, target_coding : how tables and targets are read
    predictor : predicts for coded tables
    trials : every finished trial
    facts : further plain values, such as the score
    """

    coding: Coding
    target_coding: TargetCoding
    predictor: Predictor
    trials: tuple[Trial, ...]
    facts: Mapping[str, Any]  # JSON


def write_model(model: Model, path: Path) -> None:
    """Write a model to one zip file.

    Raises
    ------
    StoreError
        If the file cannot be written.
    """
    members = model.predictor.members
    head = {
        "format": FORMAT,
        "versions": {name: version(name) for name in _LIBRARIES},
        "coding": model.coding.state(),
        "target": model.target_coding.state(),
        "prior": model.predictor.prior.tolist(),
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


def read_model(path: Path) -> Model:
    """The model that `write_model` wrote; nothing in the file is ever run.

    Raises
    ------
    StoreError
        If there is no such file, it is damaged, or a newer autopipe wrote it.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            head: dict[str, Any] = json.loads(archive.read(_HEAD))
            if head["format"] > FORMAT:
                raise StoreError(f"{path} was written by a newer autopipe; upgrade to read it.")
            members = []
            for number, weight in head["members"]:
                with archive.open(_member_name(number)) as file:
                    members.append(Member(number, weight, tuple(read_fitted(file))))
        return Model(
            Coding.restore(head["coding"]),
            TargetCoding.restore(head["target"]),
            Predictor(tuple(members), np.array(head["prior"])),
            tuple(trial_of(tuple(row)) for row in head["trials"]),
            head["facts"],
        )
    except FileNotFoundError as error:
        raise StoreError(f"There is no file {path}.") from error
    except _DAMAGE as error:
        if isinstance(error, StoreError):
            raise
        raise StoreError(f"{path} is no model of autopipe, or is damaged: {error}.") from error


def _member_name(number: int) -> str:
    return f"members/{number:06d}.npz"
