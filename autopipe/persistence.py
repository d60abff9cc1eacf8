"""A fitted model as one file of arrays and JSON; reading it runs nothing."""

from __future__ import annotations

import json
import zipfile
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autopipe.ensembles.predictor import Member, Predictor
from autopipe.errors import StoreError
from autopipe.execution.store import row_of, trial_of
from autopipe.intake import Coding
from autopipe.labels import TargetCoding
from autopipe.operators.fitted import read_fitted, write_fitted

if TYPE_CHECKING:
    from autopipe.estimators import AutoClassifier, AutoRegressor

FORMAT = 1
"""Counts the changes of the file's layout."""

_HEAD = "model.json"


def save(model: AutoClassifier | AutoRegressor, path: Path) -> None:
    """Write a fitted estimator to one zip file.

    Raises
    ------
    StoreError
        If the file cannot be written.
    """
    predictor = model._predictor
    head = {
        "format": FORMAT,
        "versions": {name: version(name) for name in ("autopipe", "numpy", "lightgbm", "xgboost")},
        "class": type(model).__name__,
        "arguments": {
            name: value
            for name, value in model.get_params(deep=False).items()
            if isinstance(value, (bool, int, float, str))
        },
        "coding": model._coding.state(),
        "target": model._target_coding.state(),
        "score": {"name": model._score_name, "sign": model._score_sign, "value": model.score_},
        "prior": predictor.prior.tolist(),
        "members": [[member.number, member.weight] for member in predictor.members],
        "trials": [list(row_of(trial)) for trial in model._trials],
        "ledger": model.ledger_,
        "interrupted": model.interrupted_,
    }
    try:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            archive.writestr(_HEAD, json.dumps(head))
            for member in predictor.members:
                with archive.open(_member_name(member.number), "w", force_zip64=True) as file:
                    write_fitted(file, member.models)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}.") from error


def load(path: str | PathLike[str]) -> AutoClassifier | AutoRegressor:
    """The fitted estimator that `save` wrote.

    Raises
    ------
    StoreError
        If there is no such file, it is damaged, or a newer autopipe wrote it.
    """
    from autopipe.estimators import AutoClassifier, AutoRegressor

    try:
        with zipfile.ZipFile(path) as archive:
            head: dict[str, Any] = json.loads(archive.read(_HEAD))
            if head["format"] > FORMAT:
                raise StoreError(f"{path} was written by a newer autopipe; upgrade to read it.")
            members = []
            for number, weight in head["members"]:
                with archive.open(_member_name(number)) as file:
                    members.append(Member(number, weight, tuple(read_fitted(file))))
    except FileNotFoundError as error:
        raise StoreError(f"There is no file {path}.") from error
    except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
        if isinstance(error, StoreError):
            raise
        raise StoreError(f"{path} is no model of autopipe, or is damaged: {error}.") from error
    classes = {cls.__name__: cls for cls in (AutoClassifier, AutoRegressor)}
    model = classes[head["class"]](**head["arguments"])
    model._adopt(
        Coding.restore(head["coding"]),
        TargetCoding.restore(head["target"]),
        Predictor(tuple(members), np.array(head["prior"])),
        tuple(trial_of(tuple(row)) for row in head["trials"]),
    )
    model._score_name, model._score_sign = head["score"]["name"], head["score"]["sign"]
    model.score_ = head["score"]["value"]
    model.ledger_ = head["ledger"]
    model.interrupted_ = head["interrupted"]
    return model


def _member_name(number: int) -> str:
    return f"members/{number:06d}.npz"
