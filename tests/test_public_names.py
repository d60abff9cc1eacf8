from __future__ import annotations

import subprocess
import sys

import pytest
from sources import PYPROJECT

import autopipe


def in_a_fresh_process(code):
    """What the code prints."""
    command = [sys.executable, "-P", "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def test_all_lists_every_name_that_can_be_imported():
    assert autopipe.__all__ == sorted(autopipe._HOME)
    assert set(autopipe.__all__) <= set(dir(autopipe))


@pytest.mark.parametrize("name", autopipe.__all__)
def test_a_public_name_leads_to_what_it_says(name):
    assert getattr(autopipe, name).__name__ == name


def test_a_star_import_brings_the_public_names_alone():
    names = in_a_fresh_process("from autopipe import *; print(*dir())")
    assert [name for name in names if not name.startswith("__")] == autopipe.__all__


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'AutoRegresor'"):
        _ = autopipe.AutoRegresor


def test_importing_autopipe_wakes_no_library():
    loaded = in_a_fresh_process("import autopipe, sys; print(*sys.modules)")
    libraries = {
        "catboost",
        "deap",
        "lightgbm",
        "numpy",
        "pandas",
        "sklearn",
        "torch",
        "xgboost",
    }
    assert not libraries & set(loaded)


def test_the_command_line_has_its_entry_point():
    module, _, function = PYPROJECT["project"]["scripts"]["autopipe"].partition(":")
    assert in_a_fresh_process(f"from {module} import {function}; print({function}.__name__)")
