"""Hypothesis draws the same examples on every machine; nothing learned anywhere counts."""

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

from autopipe.datasets import knowledge, knowledge_file

# What is started in the background may ignore Ctrl-C, which some tests send.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile(
    "tests", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("tests")
os.environ["AUTOPIPE_HOME"] = ""


@pytest.fixture(scope="session", autouse=True)
def without_knowledge(tmp_path_factory):
    """An empty base in the place of the shipped one: choosing from it takes 0.3 s a fit."""
    empty = tmp_path_factory.mktemp("known") / "empty.sqlite"
    knowledge_file.add(empty, [])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(knowledge, "SHIPPED", empty)
        yield
