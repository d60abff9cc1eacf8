"""The command `autopipe`: messages go to stderr, results to stdout."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autopipe.errors import AutopipeError, InputError, OptionError, StoreError
from autopipe.interrupts import Termination, patience
from autopipe.knowledge_commands import knowledge, learn
from autopipe.usage import parser

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from autopipe.estimators import AutoClassifier, AutoRegressor

_LEADERBOARD = "leaderboard.csv"
_SHOWN_TRIALS = 15
_PIPED_WIDTH = 120  # columns of a table that no terminal limits
_INTERRUPTED = 130  # as shells report a program that Ctrl-C ended
_TERMINATED = 143  # and one that SIGTERM ended


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, or 2 where the user can mend it."""
    arguments = parser().parse_args(argv)
    command = {
        "demo": _demo,
        "fit": _fit,
        "resume": _resume,
        "predict": _predict,
        "export": _export,
        "leaderboard": _leaderboard,
        "learn": learn,
        "knowledge": knowledge,
    }[arguments.command]
    with _termination_as_interrupt() as termination:
        try:
            with _one_line_warnings():
                command(arguments)
                sys.stdout.flush()
        except KeyboardInterrupt:
            _say("autopipe: interrupted")
            return _TERMINATED if termination.came else _INTERRUPTED
        except BrokenPipeError:  # the reader, such as `head`, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except (AutopipeError, OSError) as error:
            _say(f"autopipe: error: {' '.join(str(error).split())}")
            return 2
        return _TERMINATED if termination.came else 0


@contextmanager
def _termination_as_interrupt() -> Iterator[Termination]:
    """Let SIGTERM end a command as Ctrl-C does."""
    termination = Termination()
    former = signal.signal(signal.SIGTERM, termination)
    try:
        yield termination
    finally:
        signal.signal(signal.SIGTERM, former)


def _demo(arguments: argparse.Namespace) -> None:
    from rich.table import Table

    from autopipe.demo import Mean, contender, digits, held_out, rivals, verdict

    split = digits(arguments.seed)
    _say(
        "Handwritten digits of 8 x 8 pixels, as scikit-learn ships them: "
        f"{len(split.y)} rows to fit, {len(split.y_held_out)} held out, "
        f"{split.X.shape[1]} columns.\nautopipe searches for {arguments.budget:g} s ..."
    )
    model = contender(arguments.budget, arguments.seed)
    judged = [held_out("autopipe", model, split)]
    _say("... then a scaled logistic regression and LightGBM, as they come.")
    judged += [held_out(name, rival, split) for name, rival in rivals(arguments.seed).items()]

    _print_leaderboard(model)
    table = Table(title=f"{len(split.y_held_out)} rows that no model has seen")
    table.add_column("model")
    for heading in ("log loss", "accuracy", "fit, s"):
        table.add_column(heading, justify="right")
    for one in judged:
        means = str(Mean.of(one.losses)), str(Mean.of(one.hits))
        table.add_row(one.name, *means, f"{one.seconds:.1f}")
    console = _console()
    console.print(table)
    for other in judged[1:]:
        console.print(verdict(judged[0], other), highlight=False)
    console.print("± is one standard error over rows; of a difference, over paired rows.")


def _fit(arguments: argparse.Namespace) -> None:
    from autopipe.estimators import AutoClassifier, AutoRegressor
    from autopipe.execution.files import check_place, model_path
    from autopipe.learning.suite import holds_classes
    from autopipe.metrics import is_of_numbers
    from autopipe.resuming import facts_in

    out: Path = arguments.out
    if facts_in(out) or model_path(out).exists():
        raise StoreError(
            f"{out} holds a run already. `autopipe resume {out}` goes on with it; or give "
            "another --out."
        )
    check_place(out)
    if (out / _LEADERBOARD).exists():
        raise StoreError(
            f"{out / _LEADERBOARD} is there already and would be written over. Give another "
            "--out."
        )
    several = _several(arguments)
    X, y = _labelled(arguments.data, arguments.target, several)
    classify = arguments.task == "classification"
    if arguments.task == "auto":
        judges_numbers = is_of_numbers(arguments.metric)
        classify = holds_classes(y) and not judges_numbers
        task, other = ("classification", "regression")[:: 1 if classify else -1]
        reason = f"{arguments.target} holds {y.nunique()} distinct values of type {y.dtype}"
        if judges_numbers:
            reason = f"{arguments.metric} judges numbers"
        _say(f"Task: {task}, for {reason}. Give --task {other} if that is wrong.")
    model = (AutoClassifier if classify else AutoRegressor)(
        time_budget=arguments.budget,
        max_trials=arguments.max_trials,
        preset=arguments.preset,
        scoring=arguments.metric,
        n_jobs=arguments.jobs,
        path=out,
        random_state=arguments.seed,
    )
    model._notes = {
        "data": str(arguments.data.resolve()),
        "target_column": arguments.target,
        "several": several,
    }
    _fit_and_write(model, X, y, out, several)


def _resume(arguments: argparse.Namespace) -> None:
    from autopipe.estimators import AutoClassifier, AutoRegressor
    from autopipe.resuming import facts_in

    out: Path = arguments.run
    facts = facts_in(out)
    if not facts:
        raise StoreError(f"{out} holds no run. `autopipe fit` begins one.")
    if "data" not in facts:
        raise StoreError(
            f"{out} was begun in Python: fit with the same data and path goes on with it."
        )
    if arguments.budget is not None:
        facts["arguments"]["time_budget"] = arguments.budget
        facts["arguments"]["max_trials"] = None  # or no time would help
    if arguments.max_trials is not None:
        facts["arguments"]["max_trials"] = arguments.max_trials
    several = facts.get("several", {})
    X, y = _labelled(Path(facts["data"]), facts["target_column"], several)
    estimator_class = AutoClassifier if facts["class"] == "AutoClassifier" else AutoRegressor
    model = estimator_class(**facts["arguments"], path=out)
    _fit_and_write(model, X, y, out, several)


def _several(arguments: argparse.Namespace) -> dict[str, Any]:
    """What `fit` is told of further tables, ready for JSON."""
    from autopipe.relations.words import cutoff_named, relationships_named, tables_named

    told: dict[str, Any] = {}
    if arguments.tables:
        files = tables_named(arguments.tables)
        told["tables"] = {name: str(Path(file).resolve()) for name, file in files.items()}
    if arguments.relationships:
        told["relationships"] = relationships_named(arguments.relationships)
    if arguments.cutoff:
        told["cutoff"] = cutoff_named(arguments.cutoff)
    return told


def _labelled(
    data: Path, target: str, several: Mapping[str, Any]
) -> tuple[pd.DataFrame, pd.Series[Any]]:
    """The columns and the target of the rows that have one."""
    from autopipe.intake.alignment import features_and_target
    from autopipe.intake.labels import labelled
    from autopipe.planning import known_keys

    keys, _ = known_keys(several.get("tables"), several.get("relationships"))
    every, y = features_and_target(data, target, keys)
    X, y = labelled(every, y)
    if len(X) < len(every):
        _say(f"{len(every) - len(X)} of {len(every)} rows have no {target}: left out.")
    return X, y


def _fit_and_write(
    model: AutoClassifier | AutoRegressor,
    X: pd.DataFrame,
    y: pd.Series[Any],
    out: Path,
    several: Mapping[str, Any],
) -> None:
    """Fit, and leave the model and its leaderboard in the run folder."""
    from autopipe.execution.files import model_path
    from autopipe.spreadsheet import without_formulas

    model.fit(X, y, **several)
    with patience():
        model.save(model_path(out))
        without_formulas(model.leaderboard()).to_csv(out / _LEADERBOARD, index=False)
    if model.interrupted_:
        _say(f"Interrupted: the best so far is kept. `autopipe resume {out}` goes on.")
    print(_summary(model))
    _say(
        f"Wrote {model_path(out)} and {out / _LEADERBOARD}. "
        f"Next: autopipe predict {out} new.csv -o predictions.csv"
    )


def _predict(arguments: argparse.Namespace) -> None:
    import pandas as pd

    from autopipe.estimators import AutoClassifier
    from autopipe.export.delivered import write_predictions
    from autopipe.relations.words import tables_named

    out: Path | None = arguments.out
    if out is not None and (out.is_dir() or not out.absolute().parent.is_dir()):
        raise OptionError(f"-o {out}: give a file in a folder that is there.")
    model = _load(arguments.model)
    data: Path = arguments.data
    tables = tables_named(arguments.tables) if arguments.tables else None
    if not arguments.proba:
        predictions = pd.DataFrame({"prediction": model.predict(data, tables=tables)})
    elif isinstance(model, AutoClassifier):
        shares = model.predict_proba(data, tables=tables)
        predictions = pd.DataFrame(shares, columns=model.classes_)
        said = model.classes_[model._fitted().chosen(shares)]
        predictions.insert(0, "prediction", said, allow_duplicates=True)
    else:
        raise OptionError(f"--proba: {arguments.model} predicts numbers; leave it out.")
    write_predictions(predictions, out)
    if out is not None:
        _say(f"Wrote {len(predictions)} predictions to {out}.")


def _export(arguments: argparse.Namespace) -> None:
    out: Path = arguments.out or Path("predictor" if arguments.fitted else "pipeline.py")
    _load(arguments.model).export(out, fitted=arguments.fitted)
    _say(f"Wrote {out}; its head says what it does and what was proven of it.")


def _leaderboard(arguments: argparse.Namespace) -> None:
    model = _load(arguments.model)
    _print_leaderboard(model)
    print(_summary(model))


def _print_leaderboard(model: AutoClassifier | AutoRegressor) -> None:
    from rich.markup import escape
    from rich.table import Table

    from autopipe.tree import TABLE_NAME, parse

    board = model.leaderboard()
    if len(board) == 1:
        return  # the ensemble of nothing
    score = str(board.columns[2])
    shown = board.head(_SHOWN_TRIALS)
    rest = len(board) - len(shown)
    table = Table(title="Leaderboard", caption=f"and {rest} more" if rest else None)
    table.add_column("trial", justify="right")
    table.add_column("pipeline")
    for heading in (score, "weight", "fit, s", "row, ms", "MB"):
        table.add_column(escape(heading), justify="right")
    for row in shown.to_dict("records"):
        names = [str(row["learner"])]
        if row["tree"]:
            nodes = (node.op for _, node in parse(str(row["tree"])).walk())
            names = [name for name in nodes if name != TABLE_NAME][::-1]
        table.add_row(
            str(row["number"]) if row["tree"] else "",
            escape(" > ".join(names)),
            f"{row[score]:.5g}",
            f"{row['weight']:.2f}" if row["weight"] else "",
            *(f"{row[name]:.2f}" for name in ("seconds", "row_ms", "megabytes")),
        )
    _console().print(table)


def _summary(model: AutoClassifier | AutoRegressor) -> str:
    """The score of the model and what it is made of."""
    board = model.leaderboard().iloc[1:]  # without the line of the ensemble
    tried = f"{len(model.history_)} pipelines tried, {len(board)} complete"
    if board.empty:
        return f"{tried}: the model predicts the same for every row. Give it more time."
    members = int((board["weight"] > 0).sum())
    return f"{model.score_!r}\n{tried}, {members} in the ensemble"


def _load(path: Path) -> AutoClassifier | AutoRegressor:
    from autopipe.estimators import load
    from autopipe.execution.files import model_path

    if path.is_dir() and not model_path(path).is_file():
        raise InputError(
            f"{path} holds no {model_path(path).name}. Where a fit was cut off, "
            "`autopipe resume` ends it."
        )
    return load(path)


def _console() -> Console:
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else _PIPED_WIDTH)


def _say(message: str) -> None:
    print(message, file=sys.stderr)


@contextmanager
def _one_line_warnings() -> Iterator[None]:
    """Show what users should act on without the line of code that it came from."""

    def show(message: Warning | str, *_: object, **__: object) -> None:
        _say(f"autopipe: warning: {' '.join(str(message).split())}")

    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = show
        yield
