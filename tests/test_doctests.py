from __future__ import annotations

import doctest
import importlib

import pytest
from sources import modules


@pytest.mark.parametrize("module", modules())
def test_the_examples_of_a_module_run(module):
    assert doctest.testmod(importlib.import_module(module)).failed == 0
