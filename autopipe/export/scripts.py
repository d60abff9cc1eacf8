"""The text of the scripts that a model leaves as."""

from __future__ import annotations

import ast
import math
import platform
import shlex
import textwrap
from collections.abc import Collection, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np

from autopipe.ensembles.predictor import Member
from autopipe.errors import ExportError
from autopipe.export.closure import Closure
from autopipe.export.modules import Name
from autopipe.model import Model
from autopipe.operators.boosting import Booster
from autopipe.operators.catalogue import operator_named
from autopipe.plain import from_json
from autopipe.task import Loss
from autopipe.tree import TABLE_NAME, WITH_FEATURES, Node, parse

_WIDTH = 88
_CATALOGUE, _KNOWN = "autopipe.operators.catalogue", "autopipe.export.known"
_STAND_INS = {
    Name(_CATALOGUE, name): Name(_KNOWN, name) for name in ("operator_named", "estimator_for")
}
_COMMANDS, _RELATED = "autopipe.export.commands", "autopipe.export.related"
_OF_SEVERAL = "RelatedEstimator"
_PREDICTING = ("predict", "predict_proba", "outputs", "classes_")
_TAKEN = ("TREES", "WEIGHTS", "INPUTS", "JOINING", "build", "load")
_LIBRARIES = {
    "lightgbm": "lightgbm",
    "xgboost": "xgboost",
    "catboost": "catboost",
    "torch": "torch",
    "sklearn": "scikit-learn",
    "scipy": "scipy",
    "numpy": "numpy",
    "pandas": "pandas",
    "featuretools": "featuretools",
}
_OPTIONAL = (
    "folds", "temperature", "costs", "roles", "monotone", "loss", "logarithmic", "least",
)  # fmt: skip


def arguments_of(model: Model) -> dict[str, Any]:
    """What the estimator of a script is built with."""
    parts = model.parts
    temperature, decision = model.predictor.temperature, model.decision
    return {
        "trees": {part.number: str(part.models[0].tree) for part in parts},
        "weights": {member.number: member.weight for member in model.predictor.members},
        "inputs": {
            part.number: [each.number for each in part.inputs] for part in parts if part.inputs
        },
        "folds": model.fold_count,
        "temperature": None if temperature is None else temperature.temperature,
        "costs": None if decision is None else decision.costs.tolist(),
        **{
            name: {from_json(column): value for column, value in model.facts.get(name, ())}
            for name in ("roles", "monotone")
        },
        "logarithmic": model.target_coding.is_logarithmic,
        "least": model.target_coding.least,
        "loss": model.facts["loss"],
    }


def fit_script(model: Model, name: str, proof: str) -> str:
    """A script that fits the pipelines of a model anew.

    Parameters
    ----------
    name : of the file, for the header
    proof : what was proven of it
    """
    classifies = bool(len(model.target_coding.classes))
    kind = "Classifier" if classifies else "Regressor"
    parts = model.parts
    roots = [Name("autopipe.export.standalone", kind), Name(_COMMANDS, "fit_command")]
    if model.joining is not None:
        roots[1:] = [Name(_RELATED, name) for name in (_OF_SEVERAL, "fit_related_command")]
    closure = _closure(model, ("fit", "set_params", *_PREDICTING), *roots)
    arguments = arguments_of(model)
    trees = "".join(map(_tree_entry, parts))
    top = [f"TREES = {{\n{trees}}}", f"WEIGHTS = {_lines(arguments['weights'])}"]
    given = ["TREES", "WEIGHTS"]
    if arguments["inputs"]:
        top.append(f"INPUTS = {_lines(arguments['inputs'])}")
        given.append("inputs=INPUTS")
    given += [
        f"{key}={_literal(arguments[key])}"
        for key in _OPTIONAL
        if arguments[key] and arguments[key] != Loss.SQUARED
    ]
    call = "".join(f"        {each},\n" for each in given)
    built, takes, made = kind, "fit and predict", f"{kind}(\n{call}    )"
    if model.joining is not None:
        top.append(f"JOINING = {_by_part(model.joining.state())}")
        built, takes = _OF_SEVERAL, "fit and predict, with `tables` too"
        made = f"{built}({made}, JOINING)"
    builder = (
        f"def build() -> {built}:\n"
        f'    """The estimator, not fitted: scikit-learn\'s {takes}."""\n'
        f"    return {made}"
    )
    by_row = "".join(
        f", {name}={name}"
        for name, fact in (("sample_weight", "has_weights"), ("groups", "has_groups"))
        if model.facts.get(fact)
    )
    header = _header(
        f"{kind} of {_counted(len(parts), 'pipeline')}, found by autopipe "
        f"{version('autopipe')}.",
        f"    python {name} train.csv --target y --predict new.csv{_words(model)} -o out.csv",
        f"or from Python: `from {name.removesuffix('.py')} import build`, then "
        f"`build().fit(X, y{by_row}{_given(model)}).predict(new{_given(model)})`.",
        "TREES holds the pipelines, WEIGHTS what each counts in their average. In a tree, "
        "`table` is the table as it is coded once: columns c0, c1, ... by their place. Each "
        "pipeline is cross-fitted; boosting and networks stop by the held-out rows."
        f"{_other_folds(model)}",
        model,
        closure,
        proof,
    )
    head = ["\n".join(top), builder]
    command = "fit_command(build)" if model.joining is None else "fit_related_command(build)"
    return _script(header, closure, head, _known(model, closure), command)


def predict_script(model: Model, proof: str) -> str:
    """A script that predicts with the fitted state beside it."""
    kind, read, command = "Delivered", "read_folder", "predict_command"
    roots = [Name("autopipe.export.delivered", read), Name(_COMMANDS, command)]
    if model.joining is not None:
        kind, read, command = "Related", "read_related", "predict_related_command"
        roots = [Name(_RELATED, read), Name(_RELATED, command)]
    closure = _closure(model, _PREDICTING, *roots)
    loader = (
        f"def load(folder: str | Path = Path(__file__).parent) -> {kind}:\n"
        '    """The fitted model of this folder: predict, predict_proba, classes_."""\n'
        f"    return {read}(Path(folder))"
    )
    header = _header(
        f"Predicts with {_counted(len(model.parts), 'fitted pipeline')}, found by autopipe "
        f"{version('autopipe')}.",
        f"    python predict.py new.csv{_words(model)} -o out.csv",
        "or from Python: `from predict import load`, then "
        f"`load().predict(new{_given(model)})`.",
        "The files beside this one hold what was learned: JSON, arrays, and boosters in their "
        "libraries' own formats. Nothing in them is run.",
        model,
        closure,
        proof,
    )
    return _script(header, closure, [loader], _known(model, closure), f"{command}(load)")


def _other_folds(model: Model) -> str:
    """What the folds of the script are not, as those of the search were."""
    splitter = model.facts.get("splitter")
    if not splitter:
        return ""
    return f" The search was judged by {splitter}; the folds of this script are shuffled."


def _words(model: Model) -> str:
    """What tells a command the further tables."""
    if model.joining is None:
        return ""
    named = (f"{child.name}={child.name}.csv" for child in model.joining.children)
    words = " ".join(map(shlex.quote, named))
    return _plain(f" --tables {words}")


def _given(model: Model) -> str:
    """The argument that takes them."""
    return "" if model.joining is None else ", tables"


def _closure(model: Model, read: Collection[str], *roots: Name) -> Closure:
    built = [_build_of(op) for op in _operators(model)]
    known = [Name(_KNOWN, "OPERATORS"), Name(_KNOWN, "Known")]
    return Closure([*roots, *known, *built], _STAND_INS, _TAKEN, read)


def _operators(model: Model) -> list[str]:
    """The names of all operators in the trees, sorted."""
    trees = [part.models[0].tree for part in model.parts]
    return sorted({node.op for tree in trees for _, node in tree.walk()} - {TABLE_NAME})


def _build_of(op: str) -> Name:
    build = operator_named(op).build
    if not isinstance(build, str):
        raise ExportError(
            f"The operator {op!r} is your own: its source is not autopipe's to write down. "
            "Fit without it, or use save and load."
        )
    return Name(*build.split(":"))


def _known(model: Model, closure: Closure) -> str:
    """The lines that tell what the names in trees stand for."""
    lines = []
    for op in _operators(model):
        operator = operator_named(op)
        flags = ("is_learner", "is_calibrator", "is_stateless")
        told = [closure.name_of(_build_of(op))]
        told += [f"{flag}=True" for flag in flags if getattr(operator, flag)]
        lines.append(f"    {_literal(op)}: Known({', '.join(told)}),\n")
    return f"OPERATORS |= {{\n{''.join(lines)}}}"


def _script(
    header: str, closure: Closure, top: Sequence[str], bottom: str, command: str
) -> str:
    text = (
        f'"""{header}"""\n\nfrom __future__ import annotations\n\n{closure.imports()}\n\n'
        + "\n\n\n".join([*top, closure.text(), bottom])
        + f'\n\n\nif __name__ == "__main__":\n    {command}\n'
    )
    found = ast.get_docstring(ast.parse(text), clean=False)
    assert found == header, "the header is a text and nothing else"
    return text


def _header(
    title: str, run: str, python: str, about: str, model: Model, closure: Closure, proof: str
) -> str:
    used = (name for top, name in _LIBRARIES.items() if top in closure.libraries)
    versions = [f"{name} {version(name)}" for name in used]
    paragraphs = [
        title,
        run,
        python,
        about,
        f"Score: {'; '.join(_plain(repr(model.score)).splitlines())}.",
        f"Made with Python {platform.python_version()}, {', '.join(versions)}.",
        proof,
        "What follows each line such as `# autopipe/tree.py` is autopipe's own source (Apache "
        "License 2.0), as far as it is needed.",
    ]
    return "\n\n".join(_wrapped(paragraph) for paragraph in paragraphs) + "\n"


def _wrapped(paragraph: str) -> str:
    if paragraph.startswith("    "):
        return paragraph
    return textwrap.fill(paragraph, _WIDTH, break_long_words=False, break_on_hyphens=False)


def _plain(text: str) -> str:
    """A text that can stand in a docstring: ASCII, without quotes or backslashes."""
    shown = text.encode("ascii", "backslashreplace").decode()
    return shown.replace("\\", "/").replace('"', "'")


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' if count != 1 else ''}"


def _literal(value: Any) -> str:  # builtins only: the type decides how it is written
    """A value as source that reads back the same, in ASCII."""
    if isinstance(value, np.generic):
        value = value.item()  # whose repr is of Python alone
    if isinstance(value, Mapping):
        pairs = (f"{_literal(key)}: {_literal(each)}" for key, each in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, (list, tuple)):
        inner = ", ".join(map(_literal, value))
        return f"[{inner}]" if isinstance(value, list) else f"({inner},)"
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value!r}")'
    if isinstance(value, str):
        return ascii(str(value))
    if isinstance(value, (bool, int, float, bytes)):
        return repr(value)
    return "None"


def _by_part(value: Any, indent: int = 0) -> str:
    """The same, with a line for each part of what is too long for one."""
    text = _literal(value)
    if len(text) <= _WIDTH - indent or not isinstance(value, (Mapping, list)):
        return text
    inner, begin, end = indent + 4, "[", "]"
    parts = [_by_part(each, inner) for each in value]
    if isinstance(value, Mapping):
        begin, end = "{", "}"
        parts = [f"{_literal(key)}: {_by_part(each, inner)}" for key, each in value.items()]
    lines = "".join(f"{' ' * inner}{part},\n" for part in parts)
    return f"{begin}\n{lines}{' ' * indent}{end}"


def _lines(values: Mapping[int, Any]) -> str:
    """A mapping with a line for each of its entries."""
    entries = (f"    {key}: {_literal(value)},\n" for key, value in values.items())
    return f"{{\n{''.join(entries)}}}"


def _tree_entry(part: Member) -> str:
    tree = part.models[0].tree
    shown = "\n".join(_laid_out(tree, 2))
    if "\\" in shown or '"' in shown or not shown.isascii():
        return f"    {part.number}: {str(tree)!a},\n"
    assert parse(shown) == tree
    return f'{_rounds(part)}    {part.number}: """\n{shown}\n    """,\n'


def _rounds(part: Member) -> str:
    """A comment that tells when the boosters of the folds have stopped; empty without any."""
    paths = [
        path for path, each in part.models[0].estimators.items() if isinstance(each, Booster)
    ]
    if not paths:
        return ""
    found = [str(model.estimators[paths[0]].rounds) for model in part.models]
    return f"    # stopped after {', '.join(found)} rounds in the search's folds\n"


def _laid_out(node: Node, depth: int) -> list[str]:
    """A tree with a line or more for every operator, those that are fed first inside."""
    margin = "    " * depth
    is_short = node.depth <= 2 and len(margin) + len(str(node)) < _WIDTH
    if is_short or node.op == WITH_FEATURES:
        return [f"{margin}{node}"]
    lines = [f"{margin}{node.op}("]
    for below in node.inputs:
        inner = _laid_out(below, depth + 1)
        lines += [*inner[:-1], f"{inner[-1]},"]
    words = [f"{name}={value!r}," for name, value in node.params]
    line = ""
    for word in words:
        if line and len(margin) + 5 + len(line) + len(word) > _WIDTH:
            lines.append(f"{margin}    {line}")
            line = ""
        line = f"{line} {word}".strip()
    return [*lines, *([f"{margin}    {line}"] if line else []), f"{margin})"]
