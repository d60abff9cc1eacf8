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
  autopipe fit customers.csv --target stays --tables orders=orders.csv \\
      --relationships customers.id=orders.customer_id --cutoff asked_on
      columns made of the orders that each customer had placed when asked (needs the
      extra `relational`; the name that is no table, customers, is that of the data)

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
  autopipe predict run new.csv --tables orders=orders.csv

Columns are found by name; those that the model does not know are ignored.
"""
_EXPORT_EXAMPLES = """\
examples:
  autopipe export run -o pipeline.py
  python pipeline.py train.csv --target y --predict new.csv -o out.csv
      fits the pipelines anew
  autopipe export run --fitted -o predictor
  python predictor/predict.py new.csv -o out.csv

Neither needs autopipe. Both are proven to predict the same before they are written.
"""
_LEARN_EXAMPLES = """\
examples:
  autopipe learn tables --budget 8h --out learned
      writes learned/knowledge.sqlite; killed at any moment, the same command goes on
  autopipe knowledge merge learned/knowledge.sqlite
      your next runs begin with what paid

Of a table, only rounded statistics are kept: no row, no name of a column, no category.
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

    _demo(command("demo", "compare autopipe with two usual models"))
    _fit(command("fit", "find a model for a CSV or Parquet file", FIT_EXAMPLES))
    _resume(command("resume", "go on with a run", _RESUME_EXAMPLES))
    _predict(command("predict", "predict the rows of a file", _PREDICT_EXAMPLES))
    _export(command("export", "write a model as plain Python", _EXPORT_EXAMPLES))
    _learn(command("learn", "find out on data sets of your own what pays", _LEARN_EXAMPLES))
    _knowledge(command("knowledge", "list or pass on what earlier data sets taught"))
    _leaderboard(command("leaderboard", "show the trials of a run"))
    return top


def _demo(demo: argparse.ArgumentParser) -> None:
    demo.add_argument("--budget", type=_seconds, default=30.0, help="of time (default: 30s)")
    demo.add_argument("--seed", type=int, default=0, help="of split and search (default: 0)")


def _fit(fit: argparse.ArgumentParser) -> None:
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
    _add_tables(fit)
    fit.add_argument(
        "--relationships",
        nargs="+",
        metavar="table.key=table.column",
        help="parent and child, such as customers.id=orders.customer_id",
    )
    fit.add_argument(
        "--cutoff",
        nargs="+",
        metavar="column",
        help="up to which rows of other tables count; or table=column for several",
    )


def _resume(resume: argparse.ArgumentParser) -> None:
    resume.add_argument("run", type=Path, help="folder that `autopipe fit` wrote")
    resume.add_argument(
        "--budget", type=_seconds, help="of this time (default: what `fit` was given)"
    )
    resume.add_argument("--max-trials", type=int, help="of the whole run, the former included")


def _predict(predict: argparse.ArgumentParser) -> None:
    predict.add_argument("model", type=Path, help="run folder, or a saved model")
    predict.add_argument("data", type=Path, help="CSV or Parquet file with the same columns")
    _add_tables(predict)
    predict.add_argument("-o", "--out", type=Path, help="CSV or Parquet file (default: stdout)")
    predict.add_argument("--proba", action="store_true", help="add a column for every class")


def _export(export: argparse.ArgumentParser) -> None:
    export.add_argument("model", type=Path, help="run folder, or a saved model")
    export.add_argument(
        "-o", "--out", type=Path, help="script or folder (default: pipeline.py or predictor)"
    )
    export.add_argument(
        "--fitted", action="store_true", help="a folder with what was learned, to predict with"
    )


def _learn(learn: argparse.ArgumentParser) -> None:
    learn.add_argument(
        "folder",
        type=Path,
        nargs="?",
        help="CSV and Parquet files with the target in the last column, or a suite.csv that "
        "lists files (columns name, file, task, target)",
    )
    learn.add_argument("--scikit-learn", action="store_true", help="its data sets too")
    learn.add_argument("--budget", type=_seconds, help="such as 8h (default: to the end)")
    learn.add_argument("--out", type=Path, default=Path("learned"), help="default: learned")
    learn.add_argument("--rows", type=int, default=4_000, help="at most (default: 4000)")
    learn.add_argument("--trees", type=int, default=100, help="a data set (default: 100)")
    learn.add_argument(
        "--trial-seconds", type=float, default=20.0, help="of CPU, at most (default: 20)"
    )
    learn.add_argument("--seed", type=int, default=0, help="default: 0")
    learn.add_argument("--jobs", type=int, default=-1, help="cores (default: all)")


def _knowledge(knowledge: argparse.ArgumentParser) -> None:
    actions = knowledge.add_subparsers(dest="action", required=True, metavar="action")
    listing = actions.add_parser("list", help="the data sets that are known, as CSV")
    show = actions.add_parser("show", help="what is known of one")
    show.add_argument("name", help="as listed")
    for action in (listing, show):
        action.add_argument("--file", type=Path, help="this one (default: shipped and yours)")
    merge = actions.add_parser("merge", help="let your runs know what a file holds")
    pass_on = actions.add_parser("export", help="write what your runs have taught to a file")
    for action in (merge, pass_on):
        action.add_argument("file", type=Path)


def _leaderboard(leaderboard: argparse.ArgumentParser) -> None:
    leaderboard.add_argument("model", type=Path, help="run folder, or a saved model")


def _add_tables(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--tables",
        nargs="+",
        metavar="name=file",
        help="further tables, CSV or Parquet, such as orders=orders.csv",
    )


def _seconds(text: str) -> float:
    try:
        return parse_seconds(text)
    except OptionError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
