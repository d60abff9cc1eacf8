from __future__ import annotations

import re

import pytest
from sources import ROOT, modules

TEXTS = [
    *modules().values(),
    *sorted(ROOT.glob("tests/**/*.py")),
    *(ROOT / name for name in ("README.md", "constraints.txt", "pyproject.toml")),
]
ONE_MACHINE = re.compile(r"(?<![\w.])/(home|mnt|opt|root|tmp|usr|var|work)\b")


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_speaks_of_the_machine_it_was_written_on(path):
    assert not ONE_MACHINE.search(path.read_text())
