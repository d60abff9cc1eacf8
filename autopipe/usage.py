"""What the command `autopipe` can be told, and what its help says."""

from __future__ import annotations

import argparse
from importlib.metadata import version
from pathlib import Path

from autopipe.clock import parse_seconds
from autopipe.errors import OptionError
from autopipe.presets import PRESETS

_EXAMPLES = """\
examples:
  autopipe demo
  autopipe fit churn.csv --target churned --budget 10m --out run
  autopipe leaderboard run
  autopipe predict run new.csv -o predictions.csv
  autopipe resume run --budget 1h

`autopipe fit --help` and the like tell more about each command.

exit codes:
  0    done
  2    something that you can mend; the last line says what
  130  interrupted with Ctrl-C
  143  ended by SIGTERM; a fit has kept its best so far
"""
FIT_EXAMPLES = """\
examples:
  autopipe fit churn.csv --target churned
      ten minutes of search; writes run/model.autopipe and run/leaderboard.csv
  autopipe fit prices.parquet --target price --metric mae --preset fast --out prices
      a small model within a minute, by its mean absolute error
  autopipe fit churn.csv --target churned --max-trials 20 --seed 0 --out again
      the same model every time: a number of pipelines instead of a clock

Ctrl-C ends the search and keeps the best so far. `autopipe resume` goes on.
"""
_RESUME_EXAMPLES = """\
examples:
  autopipe resume run
      goes on for as long as `fit` was given, or to the end of its --max-trials
  autopipe resume run --budget 1h

All finished trials of the run are kept, however it ended. The data is read again from where
`fit` found it, and must be the same.
"""
_PREDICT_EXAMPLES = """\
examples:
  autopipe predict run new.csv -o predictions.csv
  autopipe predict run/model.autopipe new.parquet --proba | head

Columns are found by name; those that the model does not know are ignored.
"""


def parser() -> argparse.ArgumentParser:
    """What reads the words of a command; `command` is its name."""
    top = argparse.ArgumentParser(
        prog="autopipe",
        description="Find the best ensemble of pipelines for a table, within a time budget.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"autopipe {version('autopipe')}")
    commands = top.add_subparsers(dest="command", required=True, metavar="command")

    def command(name: str, text: str, epilog: str | None = None) -> argparse.ArgumentParser:
        return commands.add_parser(
            name,
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    demo = command("demo", "compare autopipe with two usual models")
    demo.add_argument("--budget", type=_seconds, default=30.0, help="of time (default: 30s)")
    demo.add_argument("--seed", type=int, default=0, help="of split and search (default: 0)")

    fit = command("fit", "find a model for a CSV or Parquet file", FIT_EXAMPLES)
    fit.add_argument("data", type=Path, help="CSV or Parquet file with the target in it")
    fit.add_argument("--target", required=True, help="name of the column to predict")
    fit.add_argument(
        "--budget",
        type=_seconds,
        help="such as 90s, 10m, 2h (default: the preset's, or no limit with --max-trials)",
    )
    fit.add_argument(
        "--preset",
        choices=tuple(PRESETS),
        default="balanced",
        help="fills time, folds, learners and ensemble (default: balanced, 10m)",
    )
    fit.add_argument("--max-trials", type=int, help="stop after so many pipelines")
    fit.add_argument("--out", type=Path, default=Path("run"), help="new folder (default: run)")
    fit.add_argument("--metric", help="a scikit-learn scorer's name, such as roc_auc")
    fit.add_argument(
        "--task",
        choices=("auto", "classification", "regression"),
        default="auto",
        help="what the target is taken for (default: auto, which says what it chose)",
    )
    fit.add_argument("--seed", type=int, help="makes the run repeatable")
    fit.add_argument("--jobs", type=int, default=-1, help="cores (default: all)")

    resume = command("resume", "go on with a run", _RESUME_EXAMPLES)
    resume.add_argument("run", type=Path, help="folder that `autopipe fit` wrote")
    resume.add_argument(
        "--budget", type=_seconds, help="of this time (default: what `fit` was given)"
    )
    resume.add_argument("--max-trials", type=int, help="of the whole run, the former included")

    predict = command("predict", "predict the rows of a file", _PREDICT_EXAMPLES)
    predict.add_argument("model", type=Path, help="run folder, or a saved model")
    predict.add_argument("data", type=Path, help="CSV or Parquet file with the same columns")
    predict.add_argument("-o", "--out", type=Path, help="CSV to write (default: stdout)")
    predict.add_argument("--proba", action="store_true", help="add a column for every class")

    leaderboard = command("leaderboard", "show the trials of a run")
    leaderboard.add_argument("model", type=Path, help="run folder, or a saved model")
    return top


def _seconds(text: str) -> float:
    try:
        return parse_seconds(text)
    except OptionError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
