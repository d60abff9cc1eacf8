"""Imports run downhill, and heavy libraries wait until they are needed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

import pytest
from sources import ROOT, modules

# Rooms by floor; two rooms on one floor are strangers. Any other module is of the ground.
FLOORS = (
    {"errors": "errors"},
    {},
    {"operators": "operators", "datasets": "datasets"},
    {"ensembles": "ensembles"},
    {"evolution": "evolution", "execution": "execution"},
    dict.fromkeys(
        (
            *("arguments", "choice", "conclusion", "export", "fitting", "initial"),
            *("keywords", "learning", "leaving", "model", "persistence", "placement"),
            *("planning", "presets", "reports", "resuming", "run", "searching"),
            *("afterwards", "deployment", "moving", "refitting", "second_level"),
        ),
        "front",
    ),
    {"estimators": "estimators"},
    {"cli": "cli", "demo": "cli", "knowledge_commands": "cli", "usage": "cli"},
    {"": "door"},  # autopipe/__init__.py, which opens the front and is imported by nobody
)
# Checks are tests that live in the room, so that anybody's operator can be put through them.
ALLOWED = {("autopipe.operators.checks", "autopipe.datasets.synthetic")}
HEAVY = {
    *("catboost", "featuretools", "lightgbm", "matplotlib", "optuna"),
    *("scipy", "sklearn", "skrub", "torch", "xgboost"),
}
# Estimators are derived from scikit-learn's; those that are exported are imported for that.
SKLEARN_AT_HEAD = {
    ("autopipe.estimators", "sklearn"),
    ("autopipe.export.standalone", "sklearn"),
}
# A user's frames are read in one, made of each other in another, and shown in the last ones.
WITH_FRAMES = (
    *("autopipe.intake.", "autopipe.relations."),
    *("autopipe.reports.", "autopipe.learning."),
)
MODULES = modules()


class Place(NamedTuple):
    """Where a module stands."""

    floor: int
    room: str


class Import(NamedTuple):
    """One module that a line imports."""

    name: str
    line: int
    is_at_head: bool


def place_of(module: str) -> Place:
    """Floor and room of a module of ours."""
    top = module.removeprefix("autopipe").removeprefix(".").split(".")[0]
    found = [Place(floor, rooms[top]) for floor, rooms in enumerate(FLOORS) if top in rooms]
    return found[0] if found else Place(1, "ground")


def imports_of(node: ast.AST, is_at_head: bool = True) -> Iterator[Import]:
    """All imports below a node but those that only a type checker sees."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, child.lineno, is_at_head)
        elif isinstance(child, ast.ImportFrom):
            assert not child.level, f"line {child.lineno}: a relative import"
            for alias in child.names:
                inner = f"{child.module}.{alias.name}"
                name = inner if inner in MODULES else str(child.module)
                yield Import(name, child.lineno, is_at_head)
        else:
            is_function = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            yield from imports_of(child, is_at_head and not is_function)


IMPORTS = {
    module: tuple(imports_of(ast.parse(path.read_text()))) for module, path in MODULES.items()
}


def offenders(is_wrong) -> list[str]:
    """File, line and name of every import that `is_wrong` of a module and an import."""
    return sorted(
        {
            f"{MODULES[module].relative_to(ROOT)}:{found.line} imports {found.name}"
            for module, imports in IMPORTS.items()
            for found in imports
            if is_wrong(module, found)
        }
    )


def is_uphill_or_strange(module: str, found: Import) -> bool:
    """Whether an import goes to a higher floor, or to another room of the same one."""
    if found.name.split(".")[0] != "autopipe" or (module, found.name) in ALLOWED:
        return False
    here, there = place_of(module), place_of(found.name)
    return there.floor > here.floor or (there.floor == here.floor and there.room != here.room)


def test_imports_run_downhill():
    assert not offenders(is_uphill_or_strange)


def test_every_import_of_ours_is_of_a_module_there_is():
    assert not offenders(
        lambda _, found: found.name.split(".")[0] == "autopipe" and found.name not in MODULES
    )


def test_rooms_are_imported_by_their_installed_names():
    rooms = {"operators", "datasets", "ensembles", "evolution"}
    assert not offenders(lambda _, found: found.name.split(".")[0] in rooms)


def test_no_modules_import_each_other_in_a_ring():
    graph = {
        module: {found.name for found in imports if found.name in MODULES} - {module}
        for module, imports in IMPORTS.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(reversed(error.args[1])))


def test_deap_enters_by_the_genome_alone():
    assert not offenders(
        lambda module, found: (
            found.name.split(".")[0] == "deap" and module != "autopipe.evolution.genome"
        )
    )


def test_heavy_libraries_are_imported_when_first_needed():
    assert not offenders(
        lambda module, found: (
            found.is_at_head
            and found.name.split(".")[0] in HEAVY
            and (module, found.name.split(".")[0]) not in SKLEARN_AT_HEAD
        )
    )


def test_rooms_take_tables_and_leave_frames_to_few():
    assert not offenders(
        lambda module, found: (
            found.is_at_head
            and found.name.split(".")[0] in {"pandas", "polars"}
            and (place_of(module).floor == 0 or module.count(".") > 1)
            and not module.startswith(WITH_FRAMES)
        )
    )


@pytest.mark.parametrize("module", MODULES)
def test_every_module_says_what_it_is(module):
    assert ast.get_docstring(ast.parse(MODULES[module].read_text()))


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("autopipe.table", "autopipe.operators.catalogue"),
        ("autopipe.errors", "autopipe.table"),
        ("autopipe.operators.lightgbm", "autopipe.datasets.portfolio"),
        ("autopipe.evolution.genome", "autopipe.execution.store"),
        ("autopipe.cli", "autopipe"),
    ],
)
def test_the_rule_catches_a_step_uphill_or_to_a_stranger(module, imported):
    assert is_uphill_or_strange(module, Import(imported, 1, True))


def test_an_import_within_a_function_is_seen_and_is_not_at_the_head():
    source = "import a\ndef f():\n    import b\nif TYPE_CHECKING:\n    import c\n"
    assert list(imports_of(ast.parse(source))) == [Import("a", 1, True), Import("b", 3, False)]
