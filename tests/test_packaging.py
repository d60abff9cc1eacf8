"""What is installed is what lies in the repository."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from itertools import chain

import pytest
from sources import PYPROJECT, ROOT, modules, packages


@pytest.fixture(scope="module")
def wheel_files(tmp_path_factory):
    """The names of the files in a wheel that is built from a copy of the source."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    junk = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for folder in {path.relative_to(ROOT).parts[0] for path in packages().values()}:
        shutil.copytree(ROOT / folder, source / folder, ignore=junk)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"]
    command = [*pip, "--no-build-isolation", "--wheel-dir", str(built), str(source)]
    subprocess.run(command, check=True)
    (wheel,) = built.glob("*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


def test_the_wheel_holds_every_module_and_nothing_else(wheel_files):
    expected = {"autopipe/py.typed", "autopipe/datasets/knowledge.sqlite"}
    for name, path in modules().items():
        folder = name if path.stem == "__init__" else name.rpartition(".")[0]
        expected.add(f"{folder.replace('.', '/')}/{path.name}")
    assert {name for name in wheel_files if ".dist-info/" not in name} == expected


def test_every_folder_with_modules_is_listed_as_a_package():
    found = {
        path.parent for pattern in ("*/*.py", "autopipe/**/*.py") for path in ROOT.glob(pattern)
    }
    unlisted = {ROOT / "tests", ROOT / "build", ROOT / "dist"}
    assert found - unlisted == set(packages().values())


def test_every_package_says_what_it_holds():
    assert all((folder / "__init__.py").is_file() for folder in packages().values())


def test_every_dependency_is_pinned_in_the_tested_set():
    pins = re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    project = PYPROJECT["project"]
    wanted = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    names = {re.split(r"[^\w.-]", requirement)[0].lower() for requirement in wanted}
    assert names - {"autopipe"} <= {pin.lower() for pin in pins}
