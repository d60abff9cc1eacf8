"""Where the modules of the five packages lie, for tests that read the source."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def packages() -> dict[str, Path]:
    """The folder of every package that is installed, as `pyproject.toml` lists them."""
    setuptools = PYPROJECT["tool"]["setuptools"]
    rooms = setuptools["package-dir"]
    return {
        name: ROOT / rooms[name] if name in rooms else ROOT / name.replace(".", "/")
        for name in setuptools["packages"]
    }


def modules() -> dict[str, Path]:
    """The file of every module by the name it is imported as."""
    return {
        package if path.stem == "__init__" else f"{package}.{path.stem}": path
        for package, folder in packages().items()
        for path in sorted(folder.glob("*.py"))
    }
