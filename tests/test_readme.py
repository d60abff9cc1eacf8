from __future__ import annotations

import re
import subprocess
import sys

from sources import ROOT

README = ROOT / "README.md"
INSTALL = 'python -m venv .venv && .venv/bin/pip install -c constraints.txt -e ".[all]"'


def blocks(language):
    """The fenced blocks in this language, in order."""
    return re.findall(
        rf"^```{language}\n(.*?)^```$", README.read_text(), re.DOTALL | re.MULTILINE
    )


def test_the_readme_opens_with_a_demo_and_then_says_how_to_test():
    demo, test, *_ = blocks("sh")  # .ci/run takes its test command from the second
    assert demo == f"{INSTALL} && .venv/bin/autopipe demo\n"
    assert test == f"{INSTALL} && .venv/bin/pytest\n"


def test_the_examples_of_the_readme_run_from_top_to_bottom(tmp_path):
    script = tmp_path / "readme.py"
    script.write_text("\n".join(blocks("python")))
    run = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
