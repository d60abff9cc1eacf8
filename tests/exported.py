"""Fitted models of given trees, and what an exported script says in a process of its own."""

import subprocess
import sys

import numpy as np
import pandas as pd

from autopipe.ensembles.intervals import Conformal
from autopipe.ensembles.predictor import Member, Predictor
from autopipe.ensembles.stacking import table_of
from autopipe.execution.crossfit import crossfit
from autopipe.folds import make_folds
from autopipe.intake.coding import Coding
from autopipe.intake.labels import TargetCoding
from autopipe.model import Model
from autopipe.seeds import Seeds
from autopipe.tree import parse


def model_of(frame, y, trees, stacked=(), folds=2):
    """A model whose members are these trees, and stacked ones over all of them."""
    classify = not pd.api.types.is_float_dtype(np.asarray(y))
    coding, target_coding = Coding.learn(frame), TargetCoding.learn(y, classify)
    table, target = coding.encode(frame), target_coding.target(y)
    cut = make_folds(target, folds, Seeds(0))
    fits = [crossfit(parse(tree), table, target, cut, Seeds(0)) for tree in trees]
    share = 1 / (len(trees) + len(stacked))
    members = [Member(number, share, fit.models) for number, fit in enumerate(fits)]
    below = tuple(members)
    for tree in stacked:
        told = table_of(np.stack([fit.out_of_fold for fit in fits]))
        fit = crossfit(parse(tree), told, target, cut, Seeds(0))
        members.append(Member(len(members), share, fit.models, below))
    facts = {
        "loss": "squared",
        **{"class": "AutoClassifier" if classify else "AutoRegressor", "arguments": {}},
        **{"score_name": "score", "score_sign": 1, "estimate": None, "ledger": {}},
        "interrupted": False,
    }
    conformal = Conformal.of(np.mean([fit.out_of_fold for fit in fits], axis=0), target)
    predictor = Predictor(tuple(members), target.prior())
    return Model(coding, target_coding, predictor, None, conformal, (), facts)


def run(script, *arguments):
    """Run a script as a user does, with warnings off; autopipe is not to be imported."""
    blocked = (
        "import sys, runpy; sys.modules['autopipe'] = None; "
        "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    command = [sys.executable, "-P", "-W", "ignore", "-c", blocked, script, *arguments]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True)
